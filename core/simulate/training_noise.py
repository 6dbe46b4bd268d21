"""Noise for training from banks: at one pixel size, with micrographs held out for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..errors import IceblockError
from ..images.mrc.reader import read_header, read_images
from ..noise.bank import REAL, SAME_PIXEL_SIZE, NoiseBank
from ..noise.coverage import NEEDED, covered
from ..noise.source import BlockNoise, MixedNoise, NoiseSource, SpectrumNoise
from ..signal.fourier import fourier_resize
from ..signal.spectrum import radial_power
from ..wording import counted

LARGEST_BYTES = 1 << 30
"""Blocks of a larger bank are taken spread evenly over it."""
HELD_OUT = 5
"""One in so many micrographs is held out."""
_CHUNK = 256
_BINS = 33


@dataclass(frozen=True)
class TrainingBlocks:
    """Blocks of one bank on their way into training."""

    path: Path
    blocks: torch.Tensor
    """(k, m, m) with a standard deviation of about 1."""
    micrographs: npt.NDArray[np.str_]
    """(k,) where each block was cut."""
    pixels: float
    """Pixels of different noise: overlaps count once."""
    remarks: tuple[str, ...] = ()

    def part(self, chosen: npt.NDArray[np.bool_]) -> TrainingBlocks:
        """Take some of the blocks."""
        share = float(chosen.mean())
        return replace(
            self,
            blocks=self.blocks[torch.from_numpy(chosen)],
            micrographs=self.micrographs[chosen],
            pixels=share * self.pixels,
        )

    def names(self) -> str:
        """Name the bank and its micrographs, as model cards do."""
        found = sorted(set(self.micrographs.tolist()))
        listed = ", ".join(found[:6]) + (f" … ({len(found)})" if len(found) > 6 else "")
        return f"{self.path}: {listed}"


def pixel_size_of(path: Path) -> float | None:
    """Pixel size (Å) of a bank or a stack of blocks; None where a stack does not say."""
    if _is_bank(path):
        return NoiseBank.read(path).pixel_size
    size = read_header(path).pixel_size
    return size if 0.05 < size < 100 and size != 1.0 else None


def read_blocks(path: Path, pixel_size: float) -> TrainingBlocks:
    """Read a bank at the pixel size of training.

    Parameters
    ----------
    path
        A noise bank (its folder or blocks.star), or a stack of blocks, whose header's pixel size
        counts; one without is taken to have `pixel_size`.
    pixel_size
        Å.

    Raises
    ------
    IceblockError
        For anything that is no bank, or holds constant or NaN blocks.
    """
    if _is_bank(path):
        bank = NoiseBank.read(path)
        own, box, n = bank.pixel_size, bank.box, bank.n
        read, rows = bank.blocks, bank.sample(max(1, LARGEST_BYTES // (4 * box**2)))
        micrographs = bank.table["micrograph"].to_numpy(dtype=np.str_)
        pixels = _different_pixels(bank)
    else:
        stack = read_header(path)
        own, box, n = pixel_size_of(path) or pixel_size, stack.box_x, stack.n_images

        def read(rows: npt.ArrayLike | None = None) -> npt.NDArray[np.float32]:
            return read_images(stack, np.asarray(rows, dtype=np.int64))

        rows = np.arange(min(n, max(1, LARGEST_BYTES // (4 * box**2))))
        micrographs = np.full(n, path.name)
        pixels = float(n) * box**2
    new, remarks = box, []
    if abs(own / pixel_size - 1) > SAME_PIXEL_SIZE:
        new = max(8, round(box * own / pixel_size))
        remarks.append(_resampling(path, own, box, pixel_size, new))
    blocks = torch.empty(len(rows), new, new)
    for start in range(0, len(rows), _CHUNK):
        piece = torch.from_numpy(read(rows[start : start + _CHUNK]))
        blocks[start : start + len(piece)] = resample_noise(piece, new)
    sd = blocks.std(dim=(1, 2), correction=0)
    if not bool((torch.isfinite(sd) & (sd > 0)).all()):
        raise IceblockError(f"{path} holds noise blocks that are constant or NaN: remove them.")
    blocks /= sd.square().mean().sqrt()
    pixels *= (new / box) ** 2 * len(rows) / n
    return TrainingBlocks(path, blocks, micrographs[rows], pixels, tuple(remarks))


def resample_noise(blocks: torch.Tensor, box: int) -> torch.Tensor:
    """Resample noise (k, n, n) to another box; a finer grid's new frequencies are filled.

    Beyond the Nyquist frequency of the given blocks there is nothing to be known: the level of
    their last rings is continued there by white noise, always the same.
    """
    n = blocks.shape[-1]
    resized = fourier_resize(blocks, box)
    if box <= n:
        return resized
    floor = radial_power(blocks, _BINS)[:, -4:].mean() * (box / n) ** 2
    random = torch.Generator().manual_seed(n)
    white = torch.randn(resized.shape, generator=random)
    spectrum = torch.fft.rfft2(white) * floor.sqrt()
    known = 0.5 * n / box
    fy, fx = torch.fft.fftfreq(box).abs(), torch.fft.rfftfreq(box)
    spectrum[:, (fy[:, None] < known) & (fx < known)] = 0
    filling: torch.Tensor = torch.fft.irfft2(spectrum, s=(box, box))
    return resized + filling


def hold_out(bank: TrainingBlocks) -> tuple[TrainingBlocks, TrainingBlocks, str | None]:
    """Split a bank into blocks for training and for validation, by micrograph.

    Returns
    -------
    training, held_out
    remark
        Where there is one micrograph only, which is then split by its blocks.
    """
    names = sorted(set(bank.micrographs.tolist()))
    if len(names) > 1:
        last = names[-max(1, len(names) // HELD_OUT) :]
        chosen = np.isin(bank.micrographs, last)
        return bank.part(~chosen), bank.part(chosen), None
    count = len(bank.blocks)
    if count == 1:
        return bank, bank, f"{bank.path} holds a single block: it is trained and validated on."
    chosen = np.arange(count) >= count - max(1, count // (2 * HELD_OUT))
    return (
        bank.part(~chosen),
        bank.part(chosen),
        f"{bank.path} comes from one micrograph: its last {int(chosen.sum())} blocks are held out, "
        "whose noise is not independent of the rest.",
    )


def noise_of(
    banks: Sequence[TrainingBlocks], boxes: Sequence[int], device: torch.device
) -> tuple[NoiseSource, list[str]]:
    """Make a source of noise, every block with the same chance.

    Parameters
    ----------
    banks
        From `read_blocks`.
    boxes
        Boxes that will be drawn, pixels. Banks with smaller blocks than the largest of them give
        their spectra, a mean one for each micrograph.
    device
        Where pairs are made.

    Returns
    -------
    noise, remarks
    """
    largest, remarks = max(boxes), []
    sources: list[NoiseSource] = []
    for bank in banks:
        if bank.blocks.shape[-1] >= largest:
            sources.append(BlockNoise(bank.blocks.to(device)))
            continue
        remarks.append(
            f"{bank.path}: its blocks have {bank.blocks.shape[-1]} pixels at this pixel size and "
            f"the box has {largest}: noise with their spectra is used; cut larger blocks for more "
            "than that."
        )
        sources.append(SpectrumNoise(_spectra(bank).to(device), variation=0.1))
    if len(sources) == 1:
        return sources[0], remarks
    return MixedNoise(sources, [float(len(bank.blocks)) for bank in banks]), remarks


def too_small(banks: Sequence[TrainingBlocks], box: int) -> str | None:
    """Give a warning where banks hold too little noise for a box (pixels), else None."""
    boxes = sum(bank.pixels for bank in banks) / box**2
    if boxes >= NEEDED:
        return None
    blocks = sum(len(bank.blocks) for bank in banks)
    return (
        f"There is little noise: {counted(blocks, 'block')} with about {boxes:.0f} times the area "
        f"of a box of {box} pixels. With less than {NEEDED} times the network begins to learn the "
        "noise by heart: cut blocks from more micrographs."
    )


def _is_bank(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() == ".star"


def _resampling(path: Path, own: float, box: int, pixel_size: float, new: int) -> str:
    beyond = (
        f"; beyond {2 * own:.3g} Å, where they hold nothing, their noise was continued"
        if own > pixel_size
        else ""
    )
    return (
        f"{path}: blocks of {box} pixels of {own:.4g} Å were resampled to {new} pixels of "
        f"{pixel_size:.4g} Å{beyond}."
    )


def _different_pixels(bank: NoiseBank) -> float:
    """Count the pixels of a bank's micrographs that lie in some block."""
    real = bank.table["source"].to_numpy() == REAL
    places = bank.table[["y", "x"]].to_numpy(dtype=np.float64)[real]
    micrographs = bank.table["micrograph"].to_numpy(dtype=np.str_)[real]
    boxes = sum(covered(places[micrographs == name], bank.box) for name in np.unique(micrographs))
    return (boxes + float((~real).sum())) * bank.box**2


def _spectra(bank: TrainingBlocks) -> torch.Tensor:
    """Mean radial power of each micrograph's blocks, (micrographs, bins)."""
    power = radial_power(bank.blocks, min(_BINS, bank.blocks.shape[-1] // 2 + 1))
    means = [
        power[torch.from_numpy(bank.micrographs == name)].mean(0)
        for name in sorted(set(bank.micrographs.tolist()))
    ]
    return torch.stack(means)
