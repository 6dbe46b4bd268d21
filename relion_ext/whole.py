"""`relion_iceblock`: from micrographs to denoised particles in one RELION External job."""

from pathlib import Path
from typing import Any

from core.errors import IceblockError
from core.runs.durations import parse_duration

from .arguments import INPUTS, Label, Program
from .job import Job
from .nodes import NodeType
from .train import as_device, as_paths
from .version import RelionVersion

PROGRAM = Program(
    name="relion_iceblock",
    summary=(
        "Denoises a particle stack with all that its project can teach: cuts noise blocks out of "
        "the micrographs, fine-tunes the model that ships on them and on the 3D reference, "
        "denoises the particles and examines the result. Without micrographs or a reference the "
        "model denoises as it is."
    ),
    needs=("in_parts",),
    takes=("in_mics", "in_coords", "in_3dref"),
    labels=(
        Label("time_limit", "of fine-tuning, for example 30m or 2h [15m]", parse_duration),
        Label("steps", "of fine-tuning, at most [any number within the time]", int),
        Label("particle_diameter", "longest side in Å [the reference's, or 0.6 of the box]", float),
        Label("gpu", "number of the GPU, several with commas, or cpu [a GPU if there is one]"),
        Label("device", "one GPU in PyTorch's words: auto, cpu, cuda or cuda:N [auto]"),
        Label("volumes", "more maps or atomic models, with commas between them [none]", as_paths),
        Label("model", "what is fine-tuned: one that ships, or a .safetensors [iceblock-4A]"),
        Label("segmentation", "segmentation model: one that ships, or a file [iceblock-segment]"),
        Label("noise_box", "side of the noise blocks in pixels [the particles' box]", int),
        Label("dtype", "float32 or float16 (half the disk, for RELION 4.0 and later) [float32]"),
        Label("keep_noise", "share of the raw image to keep, 0 to 1 [0]", float),
        Label("each_alone", "yes denoises every particle without what the others teach [no]", bool),
        Label("confidence", "yes adds rlnIceblockConfidence, in four times the time [no]", bool),
        Label("batch_size", "images denoised at once [as many as suit the device]", int),
        Label("contrast", "particles are white, black or auto [auto]"),
        Label("datadir", "folder where the stacks lie [where the STAR file says]", Path),
        Label("pixel_size", "of the particles in Å [the STAR file's, else the stacks']", float),
        Label(
            "micrograph_pixel_size",
            "of the micrographs in Å [the STAR file's, else the images']",
            float,
        ),
        Label("gate", "no leaves out the trial of the model for hallucination [yes]", bool),
        Label("seed", "of fine-tuning [0]", int),
        Label("overwrite", "yes makes again what has other inputs or settings now [no]", bool),
    ),
)


def run(job: Job) -> None:
    """Denoise the particles of `job` with all that there is."""
    given: dict[str, Any] = dict(job.arguments.values)
    inputs = job.arguments.inputs
    if "in_coords" in inputs and "in_mics" not in inputs:
        raise IceblockError(
            f"{PROGRAM.name} needs `{INPUTS['in_mics']}` with `{INPUTS['in_coords']}`: fill it in "
            "too, or clear the coordinates."
        )
    if given.get("dtype") == "float16" and job.relion is RelionVersion.V3_1:
        job.warn("RELION 3.1 refuses to classify or refine float16 stacks: use them elsewhere.")

    from core.runs.whole.options import DENOISED, NOISE, TRUST, WholeOptions
    from core.runs.whole.run import run as run_all

    report = "logfile.pdf"
    particles = job.add_output(f"{DENOISED}/particles.star", NodeType.PARTICLES)
    job.add_output(report, NodeType.PDF_LOG)
    job.add_output(f"{TRUST}/report.pdf", NodeType.PDF_LOG)
    reference = (inputs["in_3dref"],) if "in_3dref" in inputs else ()
    options = WholeOptions(
        particles=inputs["in_parts"],
        out=job.folder,
        micrographs=(inputs["in_mics"],) if "in_mics" in inputs else (),
        picks=inputs.get("in_coords"),
        volumes=(*reference, *given.pop("volumes", ())),
        threads=job.arguments.threads,
        report=report,
        command=job.command,
        **as_device(given.pop("gpu", None), given.pop("device", None)),
        **given,
    )
    record = run_all(options, progress=job.progress, heartbeat=job.heartbeat)
    if record.stages.noise.state == "finished":
        job.add_output(f"{NOISE}/blocks.star", NodeType.IMAGES_2D)
    job.say(f"{job.folder / report} opens from this job's Display menu.")
    job.say(f"Next: 2D classes and selection of {particles}. Before refining put the raw images")
    job.say("back, with relion_iceblock_restore or Particle subtraction's `OR revert to original")
    job.say("particles`.")
