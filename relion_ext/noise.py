"""`relion_iceblock_noise`: blocks of pure noise from micrographs, as a RELION External job."""

from core.errors import IceblockError

from .arguments import Label, Program
from .job import Job
from .nodes import NodeType

PROGRAM = Program(
    name="relion_iceblock_noise",
    summary=(
        "Cuts blocks of pure noise out of the empty ice of micrographs: blocks.star with their "
        "stack, a picture of every micrograph, and logfile.pdf to judge them by. Picked "
        "coordinates, or else particles, keep the blocks away from particles."
    ),
    needs=("in_mics",),
    takes=("in_coords", "in_parts"),
    labels=(
        Label("box", "side of the blocks in pixels of the micrographs (needed)", int),
        Label("particle_diameter", "longest side of the particle in Å (needed)", float),
        Label("model", "segmentation model: one that ships, or a file [iceblock-segment]"),
        Label("stride", "step in pixels of the window that looks for empty ice [box / 8]", int),
        Label("overlap", "largest part of its area that a block may share, 0 to 1 [0.25]", float),
        Label("per_micrograph", "blocks at most from each micrograph [any number]", int),
        Label("margin", "distance in Å to particles and pollution [10]", float),
        Label(
            "min_background",
            "skip micrographs with less background than this part, 0 to 1 [0.05]",
            float,
        ),
        Label("masks", "folder with masks of pollution, named as their micrographs [none]"),
        Label("require_picks", "yes skips micrographs without picks [no]", bool),
        Label("synthetic", "synthetic blocks of the same spectrum to add [0]", int),
        Label("pixel_size", "pixel size in Å [the STAR file's, else the micrographs']", float),
        Label("overwrite", "yes starts over on what a run with other settings left [no]", bool),
    ),
)


def run(job: Job) -> None:
    """Cut the noise blocks of `job`."""
    given = dict(job.arguments.values)
    for name in ("box", "particle_diameter"):
        if name not in given:
            raise IceblockError(
                f"{PROGRAM.name} needs the label `{name}` on the Params tab of the External job "
                f"(--{name} VALUE by hand)."
            )
    report = "logfile.pdf"
    job.add_output("blocks.star", NodeType.IMAGES_2D)
    job.add_output(report, NodeType.PDF_LOG)

    from pathlib import Path

    from core.runs.noise.options import NoiseOptions
    from core.runs.noise.run import run as extract

    inputs = job.arguments.inputs
    if "in_coords" in inputs and "in_parts" in inputs:
        job.say("The coordinates tell where particles are; the input particles are not used.")
    if "masks" in given:
        given["masks"] = Path(given["masks"])
    options = NoiseOptions(
        micrographs=(inputs["in_mics"],),
        out=job.folder,
        picks=inputs.get("in_coords", inputs.get("in_parts")),
        threads=job.arguments.threads,
        report=report,
        command=job.command,
        **given,
    )
    extract(options, progress=job.progress, heartbeat=job.heartbeat)
    job.say(f"{job.folder / report} opens from this job's Display menu, and so do the blocks.")
