"""`relion_iceblock_train`: a model trained on a project's own ice, as a RELION External job."""

from pathlib import Path
from typing import Any

from core.errors import IceblockError
from core.runs.durations import parse_duration

from .arguments import Label, Program
from .job import Job
from .nodes import NodeType


def as_paths(text: str) -> tuple[Path, ...]:
    """Split a list of files, which has commas because a value cannot have spaces."""
    return tuple(Path(part.strip()) for part in text.split(",") if part.strip())


def _range(text: str) -> tuple[float, float]:
    low, high = (float(part) for part in text.split(","))
    return low, high


PROGRAM = Program(
    name="relion_iceblock_train",
    summary=(
        "Trains a model on a project's own noise and reference: model.safetensors for the label "
        "`model` of relion_iceblock_denoise, and logfile.pdf with curves and samples. The input "
        "particles give the box, the pixel size and the CTFs of the training images."
    ),
    needs=(),
    takes=("in_3dref", "in_parts"),
    labels=(
        Label(
            "noise",
            "noise bank: External/jobNNN/blocks.star; several with commas (needed)",
            as_paths,
        ),
        Label("volumes", "more maps or atomic models, with commas between them [none]", as_paths),
        Label("from", "model to start from: one that ships, or a .safetensors file [none]"),
        Label("steps", "where to stop [6000, with `from` 1500, none with a time limit]", int),
        Label("time_limit", "stop after so long, for example 30m or 2h [none]", parse_duration),
        Label("patience", "stop when so many validations brought no better score [none]", int),
        Label("gpu", "number of the GPU, several with commas, or cpu [a GPU if there is one]"),
        Label("device", "one GPU in PyTorch's words: auto, cpu, cuda or cuda:N [auto]"),
        Label("preset", "default, large or paper [default]"),
        Label("box", "box of the training images in pixels [the particles']", int),
        Label("pixel_size", "their pixel size in Å [as the network will see the particles]", float),
        Label("datadir", "folder where the stacks lie [where the STAR file says]", Path),
        Label("particle_pixel_size", "of the particles in Å [their STAR's, else their own]", float),
        Label("snr_range", "least and largest SNR inside the particle [0.01,2]", _range),
        Label("phantoms", "random protein-like phantoms to add [0]", int),
        Label("held_out", "volumes for validation alone, with commas [a fifth of all]", as_paths),
        Label("loss", "error of the pixels: mse or l1 [the preset's]"),
        Label("adversarial", "weight of the discriminator's loss [the preset's]", float),
        Label("perceptual", "perceptual network: none, random, domain, vgg19 [the preset's]"),
        Label("vgg19", "file with VGG-19's weights, for that perceptual network [none]", Path),
        Label("learning_rate", "largest learning rate [the preset's]", float),
        Label("batch_size", "64-pixel images in a step [the preset's]", int),
        Label("seed", "the same seed and number of threads give the same model on a CPU [0]", int),
        Label("name", "of the model [that of the job's folder]"),
        Label("overwrite", "yes starts over on what a run with other settings left [no]", bool),
    ),
)


def run(job: Job) -> None:
    """Train the model of `job`."""
    given: dict[str, Any] = dict(job.arguments.values)
    if "noise" not in given:
        raise IceblockError(
            f"{PROGRAM.name} needs the label `noise` on the Params tab of the External job, with "
            "the blocks.star of a relion_iceblock_noise job (--noise FILE by hand)."
        )
    if "in_3dref" not in job.arguments.inputs and not {"volumes", "phantoms"} & set(given):
        raise IceblockError(
            f"{PROGRAM.name} needs `Input 3D reference` on the Input tab of the External job, or "
            "the label `volumes` or `phantoms` on the Params tab."
        )
    report = "logfile.pdf"
    job.add_output(report, NodeType.PDF_LOG)
    # RELION has no type for a model: it stands in the job's folder, and logfile.pdf names it.

    from core.runs.train.options import MODEL, TrainOptions
    from core.runs.train.run import run as train

    inputs = job.arguments.inputs
    reference = (inputs["in_3dref"],) if "in_3dref" in inputs else ()
    options = TrainOptions(
        volumes=(*reference, *given.pop("volumes", ())),
        particles=inputs.get("in_parts"),
        out=job.folder,
        start=given.pop("from", None),
        threads=job.arguments.threads,
        report=report,
        command=job.command,
        **as_device(given.pop("gpu", None), given.pop("device", None)),
        **given,
    )
    train(options, progress=job.progress, heartbeat=job.heartbeat)
    job.say(f"{job.folder / report} opens from this job's Display menu.")
    job.say(f"Next: relion_iceblock_denoise with the label model = {job.folder / MODEL}")


def as_device(gpu: str | None, device: str | None) -> dict[str, Any]:
    """Tell GPU numbers, for one process each, from PyTorch's name of one device."""
    if gpu is not None and device is not None:
        raise IceblockError("`gpu` and `device` are both given: keep one of them.")
    if gpu is not None and gpu.replace(":", ",").replace(",", "").isdecimal():
        return {"gpu": gpu}
    return {"device": gpu or device or "auto"}
