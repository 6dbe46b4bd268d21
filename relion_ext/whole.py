"""`relion_iceblock`: from micrographs to denoised particles in one RELION External job."""

from core.runs.whole.options import CLASSES, DENOISED, NOISE, TRUST, WholeOptions

from .classify import add_classes
from .job import Job
from .nodes import NodeType
from .program import Program

PROGRAM = Program(
    name="relion_iceblock",
    summary=(
        "Denoises a particle stack with all that its project can teach: cuts noise blocks out of "
        "the micrographs, fine-tunes the model that ships on them and on the 3D reference, "
        "denoises the particles and examines the result. Without micrographs or a reference the "
        "model denoises as it is."
    ),
    kind=WholeOptions,
    inputs={
        "in_parts": "particles",
        "in_mics": "micrographs",
        "in_coords": "picks",
        "in_3dref": "volumes",
    },
    needs=("in_parts",),
)


def run(job: Job) -> None:
    """Denoise the particles of `job` with all that there is."""
    options = job.options()
    job.warn_of_type(options.dtype)

    from core.runs.whole.run import run as run_all

    particles = job.add_output(f"{DENOISED}/particles.star", NodeType.PARTICLES)
    record = job.do(run_all, options)
    job.add_output(f"{TRUST}/report.pdf", NodeType.PDF_LOG)
    if record.stages.noise.state == "finished":
        job.add_output(f"{NOISE}/blocks.star", NodeType.IMAGES_2D)
    if files := record.stages.classes.files:
        add_classes(job, *(f"{CLASSES}/{name}" for name in files))
    job.say(f"Next: look at {particles}, select. Before you classify or refine put the raw images")
    job.say("back, with relion_iceblock_restore or Particle subtraction's `OR revert to original")
    job.say("particles`.")
