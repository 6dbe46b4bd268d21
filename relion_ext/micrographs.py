"""`relion_iceblock_micrographs`: denoised micrographs, as a RELION External job."""

from core.runs.micrographs.options import TABLE, MicrographsOptions

from .job import Job
from .nodes import NodeType
from .program import Program

PROGRAM = Program(
    name="relion_iceblock_micrographs",
    summary=(
        "Denoises whole micrographs, to look at them and to pick on them: micrographs.star, a "
        "picture of every micrograph, and logfile.pdf. Extract particles from the raw micrographs: "
        "relion_iceblock_restore puts their names back into the coordinates."
    ),
    kind=MicrographsOptions,
    inputs={"in_mics": "micrographs", "in_coords": "picks"},
    needs=("in_mics",),
)


def run(job: Job) -> None:
    """Denoise the micrographs of `job`."""
    options = job.options()
    job.warn_of_type(options.dtype)
    job.add_output(TABLE, NodeType.MICROGRAPHS)

    from core.runs.micrographs.run import run as denoise

    job.do(denoise, options)
