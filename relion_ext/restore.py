"""`relion_iceblock_restore`: raw images, or raw micrographs, back, as a RELION External job."""

from core.runs.options import Options

from .job import Job
from .nodes import NodeType
from .program import Program

PROGRAM = Program(
    name="relion_iceblock_restore",
    summary=(
        "Puts the raw images back: particles.star with the rows and all metadata of the denoised "
        "(and perhaps selected, classified or refined) particles, pointing at the images that "
        "rlnIceblockRawImageName names. Input coordinates that were picked on denoised micrographs "
        "get the raw micrographs back."
    ),
    kind=Options,
    inputs={"in_parts": "denoised", "in_coords": "denoised"},
    one_of=("in_parts", "in_coords"),
)


def run(job: Job) -> None:
    """Restore the particles, or the coordinates, of `job`."""
    inputs = job.arguments.inputs
    denoised = inputs.get("in_parts") or inputs["in_coords"]
    if "in_parts" in inputs:
        restored = job.add_output("particles.star", NodeType.PARTICLES)
    else:
        restored = job.add_output(denoised.name, NodeType.COORDINATES)

    from core.runs.restoring import restore
    from core.wording import counted

    # The folder is this job's alone: a file there is what a former run of the same job left.
    rows = restore(denoised, restored, overwrite=True)
    job.say(f"Raw names in {counted(rows, 'row')}: {restored}")
