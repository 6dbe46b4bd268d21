"""`relion_iceblock_denoise`: a denoised particle stack as a RELION External job."""

from core.runs.denoise.options import DenoiseOptions

from .job import Job
from .nodes import NodeType
from .program import Program

PROGRAM = Program(
    name="relion_iceblock_denoise",
    summary=(
        "Denoises a particle stack: particles.star with all metadata of the input, the denoised "
        "stacks it points at, and logfile.pdf with the pictures to judge it by."
    ),
    kind=DenoiseOptions,
    inputs={"in_parts": "particles", "in_3dref": "volumes"},
    needs=("in_parts",),
)


def run(job: Job) -> None:
    """Denoise the particles of `job`."""
    options = job.options()
    job.warn_of_type(options.dtype)
    job.add_output("particles.star", NodeType.PARTICLES)

    from core.runs.denoise.run import run as denoise

    job.do(denoise, options)
    job.say("Next: look and select. Before you classify or refine put the raw images back, with")
    job.say("relion_iceblock_restore or Particle subtraction's `OR revert to original particles`.")
