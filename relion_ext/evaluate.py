"""`relion_iceblock_evaluate`: how far to trust denoised particles, as a RELION External job."""

from pathlib import Path
from typing import Any

from core.errors import IceblockError

from .arguments import Label, Program
from .job import Job
from .nodes import NodeType

PROGRAM = Program(
    name="relion_iceblock_evaluate",
    summary=(
        "Tells how far to trust denoised particles: logfile.pdf and report.html with pictures, "
        "spectra, noise, confidences and warnings, and whether the model invents what is not "
        "there. A 3D reference is a structure that the model must not paint into noise."
    ),
    needs=("in_parts",),
    takes=("in_3dref",),
    labels=(
        Label("raw", "STAR file of the raw particles [as the input names them]", Path),
        Label("clean", "STAR file of the true images of simulated particles [none]", Path),
        Label("model", "the model that denoised them [as the denoising job recorded]"),
        Label(
            "noise",
            "noise bank that the model was trained on: blocks.star or folder [the model's]",
            Path,
        ),
        Label("sample", "particles at most to look at [200]", int),
        Label("gate", "no leaves out the trial of the model for hallucination [yes]", bool),
        Label("contrast", "particles are white, black or auto [auto]"),
        Label("gpu", "number of the GPU, or cpu [a GPU if there is one, else the CPU]"),
        Label("device", "the same in PyTorch's words: auto, cpu, cuda or cuda:N [auto]"),
        Label("datadir", "folder where the raw stacks lie [where the STAR file says]", Path),
        Label("pixel_size", "pixel size in Å [the STAR file's, else the stacks']", float),
        Label("overwrite", "yes starts over on what a run with other settings left [no]", bool),
    ),
)


def run(job: Job) -> None:
    """Evaluate the particles of `job`."""
    given: dict[str, Any] = dict(job.arguments.values)
    device = _device(given.pop("gpu", None), given.pop("device", None))
    inputs = job.arguments.inputs
    report = "logfile.pdf"
    job.add_output(report, NodeType.PDF_LOG)

    from core.runs.evaluate.options import PAGE, EvaluateOptions
    from core.runs.evaluate.run import run as evaluate

    options = EvaluateOptions(
        denoised=inputs["in_parts"],
        out=job.folder,
        volumes=(inputs["in_3dref"],) if "in_3dref" in inputs else (),
        device=device,
        threads=job.arguments.threads,
        report=report,
        command=job.command,
        **given,
    )
    evaluate(options, progress=job.progress, heartbeat=job.heartbeat)
    job.say(f"{job.folder / report} opens from this job's Display menu; a web browser shows the")
    job.say(f"same from {job.folder / PAGE}.")


def _device(gpu: str | None, device: str | None) -> str:
    """Turn RELION's way of naming a GPU into PyTorch's."""
    if gpu is None:
        return device or "auto"
    if device is not None:
        raise IceblockError("`gpu` and `device` are both given: keep one of them.")
    if gpu.isdecimal():
        return f"cuda:{int(gpu)}"
    if gpu.replace(":", ",").replace(",", "").isdecimal():
        raise IceblockError(f"`gpu` is {gpu}, and an evaluation uses one GPU: give one number.")
    return gpu
