"""`relion_iceblock_noise`: blocks of pure noise from micrographs, as a RELION External job."""

from core.runs.noise.options import NoiseOptions

from .job import Job
from .nodes import NodeType
from .program import Program

PROGRAM = Program(
    name="relion_iceblock_noise",
    summary=(
        "Cuts blocks of pure noise out of the empty ice of micrographs: blocks.star with their "
        "stack, a picture of every micrograph, and logfile.pdf to judge them by. Picked "
        "coordinates, or else particles, keep the blocks away from particles."
    ),
    kind=NoiseOptions,
    inputs={"in_mics": "micrographs", "in_coords": "picks", "in_parts": "picks"},
    needs=("in_mics",),
)


def run(job: Job) -> None:
    """Cut the noise blocks of `job`."""
    options = job.options()
    job.add_output("blocks.star", NodeType.IMAGES_2D)

    from core.runs.noise.run import run as extract

    if {"in_coords", "in_parts"} <= job.arguments.inputs.keys():
        job.say("The coordinates tell where particles are; the input particles are not used.")
    job.do(extract, options)
    job.say("The blocks open there, too.")
