"""A comparison: the paper's Table 1 and its figures, for any set of pairs, in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TextIO

import torch

from ... import __version__
from ...compute.device import choose_device
from ...console import Console
from ...denoise.shipped import find_model
from ...extra import from_extra
from ..interrupt import interrupted_between_steps
from ..life import Run, begun
from ..record import FINISHED, Device
from ..stamps import fingerprint, stamps
from .figures import draw
from .inputs import Inputs, TrainingPairs, read_inputs, training_pairs
from .method import Method
from .methods import list_methods
from .options import METHODS, OUTPUTS, CompareOptions
from .real import read_real
from .record import CompareRecord
from .report import last_lines, whole, write_tables
from .rows import Bench, Result


def run(
    options: CompareOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> None:
    """Compare methods; an earlier, stopped run of the same kind is continued.

    Every method that is finished is kept, and the training of a network goes on where it was.

    Parameters
    ----------
    options
        See `CompareOptions`.
    progress
        Where the progress bar, remarks and the last lines go; None for silence.
    heartbeat
        Called after every set of a method and after every step of training; may raise to stop the
        run.

    Raises
    ------
    IceblockError
        For anything wrong with the input, a model, the device or the output folder, and where
        scikit-image or scikit-learn is not installed.
    """
    for module in ("skimage", "sklearn"):  # told before anything is read or made
        from_extra(module)
    with interrupted_between_steps() as check:

        def beat() -> None:
            heartbeat()
            check()

        console = Console(progress, beat)
        with begun(options, console) as this:
            device = choose_device(options.one_device())
            with this.recorded(
                CompareRecord,
                _identity(options, device),
                OUTPUTS,
                whole=lambda: whole(options.out),
            ) as record:
                if record.state == FINISHED:
                    console.say("Nothing was left to do.")
                else:
                    _compare(options, device, record, this, console)
    console.say(last_lines(options, record))


def _compare(
    options: CompareOptions,
    device: torch.device,
    record: CompareRecord,
    this: Run,
    console: Console,
) -> None:
    inputs = read_inputs(options, device)
    scored = inputs.sheets[0].scored

    def pairs() -> TrainingPairs:
        return training_pairs(options, scored.pixel_size, scored.noisy.shape[-1], device)

    methods, left_out = list_methods(options, pairs, device, console)
    remarks = [*inputs.remarks, *left_out]
    if options.quick:
        remarks.append(
            "A quick comparison: few images and little training; its numbers say little."
        )
    for sentence in remarks:
        console.note(sentence)
    real = None if options.particles is None else read_real(options.particles)
    bench = Bench(options.out / METHODS, inputs.sheets, real, options.size().starts)
    results = _results(bench, methods, console)
    record.remarks = remarks + [remark for result in results for remark in result.remarks]
    _note(record, inputs, device, options.seed)
    this.note(record)
    record.exceptions = [*write_tables(options, inputs, results, record)]
    draw(options, inputs, results, real)


def _results(bench: Bench, methods: Sequence[Method], console: Console) -> list[Result]:
    """Score every method that has not been scored yet."""
    results = []
    with console.bar(len(methods), "method", "comparing") as bar:
        for number, method in enumerate(methods):
            bar.rename(method.name)
            results.append(bench.result(number, method, console.heartbeat))
            bar.advance()
    return results


def _identity(options: CompareOptions, device: torch.device) -> dict[str, Any]:
    """All that the numbers depend on, by the names that a refusal uses."""
    models = {
        name: fingerprint(find_model(place)) for name, place in options.named_models().items()
    }
    return {
        "version": __version__,
        "models": models,
        "volumes": stamps(options.volumes),
        "noise": stamps(options.noise),
        "train_volumes": stamps(options.train_volumes),
        "train_noise": stamps(options.train_noise),
        "pairs": stamps([*options.noisy, *options.clean]),
        "particles": stamps([options.particles] if options.particles else []),
        "phantoms": options.phantoms,
        "snr": list(options.snrs),
        **asdict(options.size()),
        "seed": options.seed,
        "device_type": device.type,
    }


def _note(record: CompareRecord, inputs: Inputs, device: torch.device, seed: int) -> None:
    """Take what was compared on into the record."""
    scored = inputs.sheets[0].scored
    record.sets = [sheet.scored.name for sheet in inputs.sheets]
    record.images = [len(sheet.scored.noisy) for sheet in inputs.sheets]
    record.box, record.pixel_size = scored.noisy.shape[-1], scored.pixel_size
    record.structures, record.noise = inputs.structures, inputs.noise
    record.seeds, record.device = {"seed": seed}, Device.of(device)
