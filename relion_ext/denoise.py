"""`relion_iceblock_denoise`: a denoised particle stack as a RELION External job."""

from pathlib import Path
from typing import Any

from core.errors import IceblockError

from .arguments import Label, Program
from .job import Job
from .nodes import NodeType
from .version import RelionVersion

PROGRAM = Program(
    name="relion_iceblock_denoise",
    summary=(
        "Denoises a particle stack: particles.star with all metadata of the input, the denoised "
        "stacks it points at, and logfile.pdf with the pictures to judge it by."
    ),
    needs=("in_parts",),
    labels=(
        Label("model", "name of a model that ships, or a .safetensors file [iceblock-4A]"),
        Label("gpu", "number of the GPU, several with commas, or cpu [a GPU if there is one]"),
        Label("device", "the same in PyTorch's words: auto, cpu, cuda or cuda:N [auto]"),
        Label("processes", "processes that share the stacks [one for each GPU]", int),
        Label("dtype", "float32 or float16 (half the disk, for RELION 4.0 and later) [float32]"),
        Label("keep_noise", "share of the raw image to keep, 0 to 1 [0]", float),
        Label("each_alone", "yes denoises every particle without what the others teach [no]", bool),
        Label("denoise_again", "yes accepts images that are denoised already [no]", bool),
        Label("batch_size", "images computed at once [as many as suit the device]", int),
        Label("datadir", "folder where the stacks lie [where the STAR file says]", Path),
        Label("pixel_size", "pixel size in Å [the STAR file's, else the stacks']", float),
        Label("contrast", "particles are white, black or auto [auto]"),
        Label("confidence", "yes adds rlnIceblockConfidence, in four times the time [no]", bool),
        Label("compile", "yes compiles the network first, for very many particles [no]", bool),
        Label("overwrite", "yes starts over on what a run with other settings left [no]", bool),
    ),
)


def run(job: Job) -> None:
    """Denoise the particles of `job`."""
    given = dict(job.arguments.values)
    chosen = _device(given.pop("gpu", None), given.pop("device", None))
    if given.get("dtype") == "float16" and job.relion is RelionVersion.V3_1:
        job.warn("RELION 3.1 refuses to classify or refine float16 stacks: use them elsewhere.")
    report = "logfile.pdf"
    job.add_output("particles.star", NodeType.PARTICLES)
    job.add_output(report, NodeType.PDF_LOG)

    from core.runs.denoise.options import DenoiseOptions
    from core.runs.denoise.run import run as denoise

    options = DenoiseOptions(
        particles=job.arguments.inputs["in_parts"],
        out=job.folder,
        threads=job.arguments.threads,
        report=report,
        command=job.command,
        **chosen,
        **given,
    )
    denoise(options, progress=job.progress, heartbeat=job.heartbeat)
    job.say(f"{job.folder / report} opens from this job's Display menu.")
    job.say("Next: 2D classes and selection. Before refining put the raw images back, with")
    job.say("relion_iceblock_restore or Particle subtraction's `OR revert to original particles`.")


def _device(gpu: str | None, device: str | None) -> dict[str, Any]:
    """Tell GPU numbers, for one process each, from PyTorch's name of one device."""
    if gpu is not None and device is not None:
        raise IceblockError("`gpu` and `device` are both given: keep one of them.")
    if gpu is not None and gpu.replace(":", ",").replace(",", "").isdecimal():
        return {"gpu": gpu}
    return {"device": gpu or device or "auto"}
