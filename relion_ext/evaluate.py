"""`relion_iceblock_evaluate`: how far to trust denoised particles, as a RELION External job."""

from core.runs.evaluate.options import PAGE, EvaluateOptions

from .job import REPORT, Job
from .nodes import NodeType
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
    job.add_output(REPORT, NodeType.PDF_LOG)

    from core.runs.evaluate.run import run as evaluate

    evaluate(options, progress=job.progress, heartbeat=job.heartbeat)
    job.say(f"{job.folder / REPORT} opens from this job's Display menu; a web browser shows the")
    job.say(f"same from {job.folder / PAGE}.")
