"""A training run: a model file with its card, a report and a record, in one folder."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

import torch

from ...compute.device import bf16_pays, choose_device
from ...compute.distributed import described, joined, local_rank
from ...compute.processes import launch
from ...denoise.model_file import load_model, save_model
from ...denoise.paper.perceptual import load_features
from ...denoise.shipped import find_model
from ...denoise.training.trainer import CHECKPOINT, Trainer
from ...errors import IceblockError
from ...remarks import adopt, collected
from ..folder import claim, locked
from ..interrupt import interrupted_between_steps
from ..record import fingerprint, machine, read_record, tell_again, write_record
from .card import make_card
from .gain import paired_gain
from .identity import identity
from .inputs import read_inputs
from .options import MODEL, WORK
from .report import farewell, report
from .watch import TrainingWatch, Validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...compute.distributed import Ranks
    from ...denoise.generator import Generator
    from ...denoise.model_file import Model
    from ...denoise.training.presets import Preset
    from ...denoise.training.trainer import Score
    from .inputs import TrainingInputs
    from .options import TrainOptions


def run(
    options: TrainOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> None:
    """Train a model; an earlier, stopped run of the same kind is continued.

    With several GPUs, or in a group of processes that torchrun describes in the environment, all
    processes train one model together and the first of them writes.

    Parameters
    ----------
    options
        See `TrainOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called after every step; may raise to stop the run, which is saved then.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the device or the output folder, another run's settings
        in the folder, and training that diverges.
    """
    began = time.monotonic()
    options.check()
    gpus = options.gpus()
    for number in gpus:
        choose_device(f"cuda:{number}")
    if len(gpus) > 1 and not described():
        stream = {sys.stdout: "stdout", sys.stderr: "stderr"}.get(progress)
        launch(_worker, (options, stream), len(gpus), heartbeat)
        adopt((read_record(options.out) or {}).get("warnings", ()))
        return
    device = _device(options, gpus)
    with joined(device, progress=progress, heartbeat=heartbeat) as ranks:
        if options.threads:
            torch.set_num_threads(max(1, options.threads // ranks.size))
        with collected((progress or sys.stderr) if ranks.first else None) as told:
            shown = progress if ranks.first else None
            _run(options, device, ranks, shown, heartbeat, told, began)


def _worker(options: TrainOptions, stream: str | None) -> None:
    """Run as one of several processes that `launch` started."""
    run(options, progress=getattr(sys, stream) if stream else None)


def _device(options: TrainOptions, gpus: list[int]) -> torch.device:
    if gpus:
        return torch.device("cuda", gpus[local_rank() % len(gpus)])
    device = choose_device(options.device)
    if described() and device.type == "cuda" and device.index is None:
        return choose_device(f"cuda:{local_rank()}")
    return device


def _run(
    options: TrainOptions,
    device: torch.device,
    ranks: Ranks,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
    told: list[str],
    began: float,
) -> None:
    """Claim the folder in the first process, and train in all."""
    parent = None if options.start is None else load_model(find_model(options.start))
    preset = options.settings(ranks.size)
    training = replace(preset.training, bf16=bf16_pays(device))
    preset = replace(preset, training=training)
    if parent is not None:
        preset = replace(preset, generator=parent.generator.config)
    if ranks.first:  # a missing or wrong file is told before anything is read or made
        load_features(preset.loss.perceptual, (0.0, 1.0), options.vgg19)
    with locked(options.out) if ranks.first else contextlib.nullcontext():
        record: dict[str, Any] = {}
        if ranks.first:
            record = _claim(options, preset, parent, device)
            tell_again(record)
        (finished,) = ranks.agree([float(record.get("state") == "finished")], device)
        if finished:
            if progress:
                print("Nothing was left to do.", farewell(options, record), sep="\n", file=progress)
            return
        _train(options, preset, parent, device, ranks, record, progress, heartbeat, told, began)


def _claim(
    options: TrainOptions, preset: Preset, parent: Model | None, device: torch.device
) -> dict[str, Any]:
    """Check the folder, and give the record of the run that is continued or begins there."""
    if options.resume and read_record(options.out) is None:
        raise IceblockError(
            f"{options.out} holds no training run to be resumed: leave --resume out to begin one."
        )
    outputs = (MODEL, options.report, *WORK)
    whose = identity(options, preset, parent, device)
    earlier = claim(options.out, whose, outputs, options.overwrite)
    finished = earlier is not None and earlier.get("state") == "finished"
    if earlier is not None and finished and (options.out / MODEL).is_file():
        return earlier
    record = {
        **(earlier or {}),
        "state": "running",
        "command": options.command,
        "identity": whose,
    }
    write_record(options.out, record)
    return record


def _train(
    options: TrainOptions,
    preset: Preset,
    parent: Model | None,
    device: torch.device,
    ranks: Ranks,
    record: dict[str, Any],
    progress: TextIO | None,
    heartbeat: Callable[[], None],
    told: list[str],
    began: float,
) -> None:
    inputs = read_inputs(options, parent.card if parent else None, device)
    if progress:
        for sentence in inputs.remarks:
            print(f"note: {sentence}", file=progress, flush=True)
    heartbeat()
    name = options.name or options.out.resolve().name
    bf16 = preset.training.bf16
    validation = Validation(inputs.held_out, bf16, options.out, name) if ranks.first else None
    before = None
    if validation is not None and parent is not None:
        before = _score(validation, parent.generator.to(device))
        of_each = validation.of_each()
    trainer = Trainer(
        preset.generator,
        replace(preset.training, boxes=(inputs.box,)),
        inputs.pairs,
        options.out,
        validation or _nothing,
        loss=preset.loss,
        vgg19=options.vgg19,
        start=parent.generator.state_dict() if parent else None,
        ranks=ranks,
        began=began,
    )
    with interrupted_between_steps() as check:

        def beat() -> None:
            heartbeat()
            check()

        watch = TrainingWatch(trainer, validation, progress, beat)
        with watch.bar:
            average = trainer.run(watch)
    if validation is None:
        return
    after = _score(validation, average)
    table = {"this model": after, **({"before": before} if before else {}), **validation.table()}
    card = make_card(options, inputs, trainer, parent, table)
    save_model(options.out / MODEL, average, card)
    record |= _results(inputs, trainer, parent, card.name, table)
    if before:
        record["gain"] = paired_gain(validation.of_each() - of_each)
    record["warnings"] = list(told)
    record["model"]["sha256"] = fingerprint(options.out / MODEL)
    validation.draw(trainer.log.rows)
    report(options, inputs, validation, trainer.log.rows, record)
    write_record(options.out, {**record, "state": "finished"})
    (options.out / CHECKPOINT).unlink(missing_ok=True)
    if progress:
        print(farewell(options, record), file=progress, flush=True)


def _score(validation: Validation, network: Generator) -> dict[str, float]:
    """Score a network, and leave its images in the validation, for the pictures."""
    validation(network)
    return validation.table()["this model"]


def _nothing(network: Generator) -> Score:
    """Stand in for validation, which the first process does."""
    return {}


def _results(
    inputs: TrainingInputs,
    trainer: Trainer,
    parent: Model | None,
    name: str,
    table: dict[str, dict[str, float]],
) -> dict[str, Any]:
    state, device = trainer.state, trainer.device
    return {
        "model": {"name": name, "file": MODEL},
        "started_from": f"{parent.card.name}, {parent.sha256[:12]}" if parent else "random weights",
        "steps": state.step,
        "images": state.images,
        "training_seconds": round(state.seconds, 1),
        "images_per_second": round(state.images / max(state.seconds, 1e-9), 1),
        "box": inputs.box,
        "pixel_size": inputs.geometry.pixel_size,
        "volumes": inputs.volumes,
        "noise": inputs.noise,
        "held_out": inputs.held_out_names,
        "scores": table,
        "seeds": {"seed": trainer.config.seed},
        "remarks": [*inputs.remarks, *state.remarks],
        "device": {
            "name": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
            "processes": trainer.ranks.size,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        "machine": machine(),
    }
