"""`relion_iceblock_classify`: 2D classes of a set in seconds, as a RELION External job."""

from core.runs.classify.options import ClassifyOptions

from .job import Job
from .nodes import NodeType
from .program import Program
from .version import RelionVersion

PROGRAM = Program(
    name="relion_iceblock_classify",
    summary=(
        "Sorts particles into 2D classes: particles.star with a class and a pose for each, "
        "classes.mrcs, logfile.pdf, and the files by which Subset selection opens them."
    ),
    kind=ClassifyOptions,
    inputs={"in_parts": "particles"},
    needs=("in_parts",),
)


def run(job: Job) -> None:
    """Classify the particles of `job`."""
    from core.runs.classify.run import run as classify

    options = job.options()
    add_classes(job, options.output.name, *options.relion_files()[1:])
    job.do(classify, options)
    job.say("Next: Subset selection, with this job's model.star (RELION 3.1) or optimiser.star.")


def add_classes(job: Job, particles: str, model: str, optimiser: str) -> None:
    """Register the files by which RELION's jobs open classes."""
    job.add_output(particles, NodeType.PARTICLES)
    if job.relion in (None, RelionVersion.V3_1):
        job.add_output(model, NodeType.CLASS_MODEL)
    job.add_output(optimiser, NodeType.CLASS_OPTIMISER)
