"""`relion_iceblock_evaluate`: how far to trust denoised particles, as a RELION External job."""

from core.runs.evaluate.options import PAGE, EvaluateOptions

from .job import Job
from .program import Program

PROGRAM = Program(
    name="relion_iceblock_evaluate",
    summary=(
        "Tells how far to trust denoised particles: logfile.pdf and report.html with pictures, "
        "spectra, noise, confidences and warnings, and whether the model invents what is not "
        "there. A 3D reference is a structure that the model must not paint into noise."
    ),
    kind=EvaluateOptions,
    inputs={"in_parts": "denoised", "in_3dref": "volumes"},
    needs=("in_parts",),
)


def run(job: Job) -> None:
    """Evaluate the particles of `job`."""
    options = job.options()

    from core.runs.evaluate.run import run as evaluate

    job.do(evaluate, options)
    job.say(f"A web browser shows the same from {job.folder / PAGE}.")
