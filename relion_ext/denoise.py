"""`relion_iceblock_denoise`: a denoised particle stack as a RELION External job."""

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
        Label("gpu", "number of the GPU, or cpu [a GPU if there is one, else the CPU]"),
        Label("device", "the same in PyTorch's words: auto, cpu, cuda or cuda:N [auto]"),
        Label("dtype", "float32 or float16 (half the disk, for RELION 4.0 and later) [float32]"),
        Label("keep_noise", "share of the raw image to keep, 0 to 1 [0]", float),
        Label("batch_size", "images computed at once [as many as suit the device]", int),
        Label("pixel_size", "pixel size in Å if the STAR file has none or a wrong one", float),
        Label("contrast", "particles are white, black or auto [auto]"),
        Label("overwrite", "yes starts over on what a run with other settings left [no]", bool),
    ),
)


def run(job: Job) -> None:
    """Denoise the particles of `job`."""
    given = dict(job.arguments.values)
    device = _device(given.pop("gpu", None), given.pop("device", None))
    if given.get("dtype") == "float16" and job.relion is RelionVersion.V3_1:
        job.warn("RELION 3.1 refuses to classify or refine float16 stacks: use them elsewhere.")
    report = "logfile.pdf"
    job.add_output("particles.star", NodeType.PARTICLES)
    job.add_output(report, NodeType.PDF_LOG)

    from core.runs.denoising import run as denoise
    from core.runs.options import DenoiseOptions

    options = DenoiseOptions(
        particles=job.arguments.inputs["in_parts"],
        out=job.folder,
        device=device,
        threads=job.arguments.threads,
        report=report,
        command=job.command,
        **given,
    )
    denoise(options, progress=job.progress, heartbeat=job.heartbeat)
    job.say(f"{job.folder / report} opens from this job's Display menu.")
    job.say("Next: 2D classes and selection. Before refining put the raw images back, with")
    job.say("relion_iceblock_restore or Particle subtraction's `OR revert to original particles`.")


def _device(gpu: str | None, device: str | None) -> str:
    """Turn RELION's way of naming a GPU into PyTorch's."""
    if gpu is None:
        return device or "auto"
    if device is not None:
        raise IceblockError("`gpu` and `device` are both given: keep one of them.")
    if gpu.isdecimal():
        return f"cuda:{int(gpu)}"
    if gpu.replace(":", ",").replace(",", "").isdecimal():
        raise IceblockError(f"`gpu` is {gpu}, but this version uses one GPU: give one number.")
    return gpu
