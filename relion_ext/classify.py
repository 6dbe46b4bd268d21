"""`relion_iceblock_classify`: 2D classes of a set in seconds, as a RELION External job."""

from pathlib import Path

from .arguments import Label, Program
from .job import Job
from .nodes import NodeType
from .version import RelionVersion

PROGRAM = Program(
    name="relion_iceblock_classify",
    summary=(
        "Sorts particles into 2D classes: particles.star with a class and a pose for each, "
        "classes.mrcs, logfile.pdf, and the files by which Subset selection opens them."
    ),
    needs=("in_parts",),
    labels=(
        Label("classes", "class averages [one for 100 images, up to 50]", int),
        Label("particle_diameter", "of the circular mask, Å [three quarters of the box]", float),
        Label("iterations", "of learning [25]", int),
        Label("seed", "of the first class averages [0]", int),
        Label("datadir", "folder where the stacks lie [where the STAR file says]", Path),
        Label("contrast", "particles are white, black or auto [auto]"),
        Label("pixel_size", "pixel size in Å [the STAR file's, else the stacks']", float),
        Label("overwrite", "yes starts over on what a run with other settings left [no]", bool),
    ),
)


def run(job: Job) -> None:
    """Classify the particles of `job`."""
    from core.runs.classify.options import ClassifyOptions
    from core.runs.classify.run import run as classify

    options = ClassifyOptions(
        particles=job.arguments.inputs["in_parts"],
        out=job.folder,
        threads=job.arguments.threads,
        report="logfile.pdf",
        command=job.command,
        **job.arguments.values,
    )
    job.add_output(options.output.name, NodeType.PARTICLES)
    _, model, optimiser = options.relion_files()
    if job.relion in (None, RelionVersion.V3_1):
        job.add_output(model, NodeType.CLASS_MODEL)
    job.add_output(optimiser, NodeType.CLASS_OPTIMISER)
    job.add_output(options.report, NodeType.PDF_LOG)
    classify(options, progress=job.progress, heartbeat=job.heartbeat)
    job.say(f"{job.folder / options.report} opens from this job's Display menu.")
    job.say("Next: Subset selection, with this job's model.star (RELION 3.1) or optimiser.star.")
