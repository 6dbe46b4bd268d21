"""`relion_iceblock_select`: the particles worth keeping, as a RELION External job."""

from core.runs.select.options import SelectOptions

from .job import Job
from .nodes import NodeType
from .program import Program

PROGRAM = Program(
    name="relion_iceblock_select",
    summary=(
        "Chooses the particles that are worth keeping: particles.star with raw images and scores, "
        "rejected.star, counts.star, logfile.pdf."
    ),
    kind=SelectOptions,
    inputs={"in_parts": "particles"},
    needs=("in_parts",),
)


def run(job: Job) -> None:
    """Choose among the particles of `job`."""
    from core.runs.select.run import run as select

    options = job.options()
    job.add_output(options.output.name, NodeType.PARTICLES)
    job.do(select, options)
