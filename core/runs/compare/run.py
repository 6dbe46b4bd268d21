"""A comparison: the paper's Table 1 and its figures, for any set of pairs, in one folder."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

import torch

from ... import __version__
from ...compute.device import choose_device
from ...denoise.shipped import find_model
from ...extra import from_extra
from ...progress import progress_bar
from ...remarks import collected
from ..folder import claim, locked
from ..interrupt import interrupted_between_steps
from ..record import fingerprint, machine, tell_again, write_record
from ..stamps import stamps
from .figures import draw
from .inputs import read_inputs, training_pairs
from .methods import list_methods
from .options import METHODS, OUTPUTS, TRAINING
from .real import Real, read_real
from .report import farewell, whole, write_tables
from .rows import Bench, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .inputs import Inputs, TrainingPairs
    from .methods import Method
    from .options import CompareOptions


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
    with collected(progress or sys.stderr) as told:
        _run(options, progress, heartbeat, told)


def _run(
    options: CompareOptions,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
    told: list[str],
) -> None:
    """Do the run; `told` is the list of what is warned of."""
    options.check()
    for module in ("skimage", "sklearn"):  # told before anything is read or made
        from_extra(module)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    began = time.monotonic()
    whose = _identity(options, device)
    with locked(options.out), interrupted_between_steps() as check:

        def beat() -> None:
            heartbeat()
            check()

        earlier = claim(options.out, whose, OUTPUTS, options.overwrite)
        tell_again(earlier)
        if earlier is not None and earlier.get("state") == "finished" and whole(options.out):
            if progress:
                print("Nothing was left to do.", farewell(options, earlier), sep="\n",
                      file=progress)  # fmt: skip
            return
        record = {
            **(earlier or {}),
            "state": "running",
            "command": options.command,
            "identity": whose,
        }
        write_record(options.out, record)
        _compare(options, device, record, progress, beat, told)
        record["total_seconds"] = round(
            record.get("total_seconds", 0.0) + time.monotonic() - began, 1
        )
        write_record(options.out, {**record, "state": "finished"})
    if progress:
        print(farewell(options, record), file=progress, flush=True)


def _compare(
    options: CompareOptions,
    device: torch.device,
    record: dict[str, Any],
    progress: TextIO | None,
    beat: Callable[[], None],
    told: list[str],
) -> None:
    size = options.size()
    inputs = read_inputs(options, device)
    scored = inputs.sheets[0].scored

    def pairs() -> TrainingPairs:
        return training_pairs(options, scored.pixel_size, scored.noisy.shape[-1], device)

    methods, left_out = list_methods(
        options.named_models(), size.train_steps, pairs, options.out / TRAINING,
        device, options.seed, progress, beat,
    )  # fmt: skip
    remarks = [*inputs.remarks, *left_out]
    if options.quick:
        remarks.append(
            "A quick comparison: few images and little training; its numbers say little."
        )
    _tell(remarks, progress)
    real = None if options.particles is None else read_real(options.particles)
    results = _results(options, methods, inputs, real, progress, beat)
    remarks += [remark for result in results for remark in result.remarks]
    record |= _summary(options, inputs, device, remarks)
    record["warnings"] = list(told)
    record["exceptions"] = write_tables(options, inputs, results, record)
    draw(options, inputs, results, real)


def _results(
    options: CompareOptions,
    methods: Sequence[Method],
    inputs: Inputs,
    real: Real | None,
    progress: TextIO | None,
    beat: Callable[[], None],
) -> list[Result]:
    """Score every method that has not been scored yet."""
    bench = Bench(options.out / METHODS, inputs.sheets, real, options.size().starts)
    results = []
    with progress_bar(len(methods), "method", "comparing", progress) as bar:
        for number, method in enumerate(methods):
            bar.set_description(method.name)
            results.append(bench.result(number, method, beat))
            bar.update()
            beat()
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


def _tell(remarks: Sequence[str], progress: TextIO | None) -> None:
    if progress:
        for sentence in remarks:
            print(f"note: {sentence}", file=progress, flush=True)


def _summary(
    options: CompareOptions, inputs: Inputs, device: torch.device, remarks: list[str]
) -> dict[str, Any]:
    scored = inputs.sheets[0].scored
    return {
        "sets": [sheet.scored.name for sheet in inputs.sheets],
        "images": [len(sheet.scored.noisy) for sheet in inputs.sheets],
        "box": scored.noisy.shape[-1],
        "pixel_size": scored.pixel_size,
        "structures": inputs.structures,
        "noise": inputs.noise,
        "seeds": {"seed": options.seed},
        "remarks": remarks,
        "device": {
            "name": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        "machine": machine(),
    }
