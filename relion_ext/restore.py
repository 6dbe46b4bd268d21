"""`relion_iceblock_restore`: the raw images back in a denoised set, as a RELION External job."""

from core.runs.options import Options

from .arguments import Program
from .job import Job
from .nodes import NodeType

PROGRAM = Program(
    name="relion_iceblock_restore",
    summary=(
        "Puts the raw images back: particles.star with the rows and all metadata of the denoised "
        "(and perhaps selected, classified or refined) particles, pointing at the images that "
        "rlnIceblockRawImageName names."
    ),
    kind=Options,
    inputs={"in_parts": "denoised"},
    needs=("in_parts",),
)


def run(job: Job) -> None:
    """Restore the particles of `job`."""
    restored = job.add_output("particles.star", NodeType.PARTICLES)

    from core.counting import counted
    from core.runs.restoring import restore

    # The folder is this job's alone: a file there is what a former run of the same job left.
    rows = restore(job.arguments.inputs["in_parts"], restored, overwrite=True)
    job.say(f"Raw images of {counted(rows, 'particle')}: {restored}")
