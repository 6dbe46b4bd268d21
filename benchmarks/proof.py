"""What the benchmarks of clustering, poses and classes share: options, noise, model, table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from core.compute.device import choose_device
from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.set_learning import learn_set
from core.denoise.shipped import DEFAULT, find_model
from core.noise.source import SpectrumNoise
from core.signal.bootstrap import interval
from core.signal.spectrum import ice_like_power
from core.simulate.training_noise import hold_out, noise_of, read_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from core.noise.source import NoiseSource
    from core.signal.ctf import CtfParameters

_BATCH = 32

Command = Any


def shared_options(command: Command) -> Command:
    """Add the options that all of these benchmarks have."""
    options = [
        click.option("--model", default=DEFAULT, show_default=True, help="A name, or a file."),
        click.option(
            "--volume", "volumes", multiple=True, required=True,
            type=click.Path(exists=True, path_type=Path),
            help="Map or atomic model that the model has not been trained on; repeatable.",
        ),
        click.option(
            "--noise", "banks", multiple=True, type=click.Path(exists=True, path_type=Path),
            help="Noise bank; of each, only the micrographs that a training holds out are used.  "
            "[default: an ice-like spectrum]",
        ),
        click.option("--device", default="cpu", show_default=True),
        click.option("--threads", default=1, show_default=True),
        click.option("--seed", default=0, show_default=True),
        click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def noise_source(
    banks: Sequence[Path], pixel_size: float, box: int, held_out: bool = True
) -> NoiseSource:
    """Give the noise of banks, of the micrographs for scores or of the others; else ice-like."""
    if not banks:
        return SpectrumNoise(ice_like_power(), variation=0.0)
    parts = [hold_out(read_blocks(path, pixel_size))[:2][int(held_out)] for path in banks]
    source, remarks = noise_of(parts, [box], torch.device("cpu"))
    for remark in remarks:
        click.echo(f"note: {remark}", err=True)
    return source


def noise_named(banks: Sequence[Path]) -> str:
    """Name the noise for a title."""
    return "noise of " + ", ".join(path.name for path in banks) if banks else "ice-like noise"


class Denoise:
    """Denoises all images of a set as `iceblock denoise` does.

    Parameters
    ----------
    model, device
        As the options name them.
    """

    def __init__(self, model: str, device: str) -> None:
        self._device = choose_device(device)
        self._model = load_model(find_model(model), self._device)

    def __call__(
        self,
        images: torch.Tensor,
        pixel_size: float,
        ctf: CtfParameters | None,
        *,
        each_alone: bool = False,
    ) -> torch.Tensor:
        """Denoise (n, box, box) images of a pixel size in Å, which are the whole set."""
        noisy, denoiser = images.numpy(), Denoiser(self._model, self._device)
        if not each_alone:
            sets = learn_set(denoiser, noisy, pixel_size, ctf)
            denoiser = Denoiser(self._model, self._device, sets=sets)
        pieces = [np.arange(k, min(k + _BATCH, len(noisy))) for k in range(0, len(noisy), _BATCH)]
        parts = [denoiser(noisy[r], pixel_size, 1, ctf and ctf.take(r))[0] for r in pieces]
        return torch.from_numpy(np.concatenate(parts))


def ranged(values: npt.ArrayLike, digits: int = 3) -> str:
    """Write a mean and its 95 % bootstrap interval."""
    mean, low, high = interval(values)
    return f"{mean:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a table."""
    lines = [list(heads), ["---"] * len(heads), *[list(row) for row in rows]]
    return ["| " + " | ".join(line) + " |" for line in lines]
