"""Noisy and clean particles on disk, row by row the same, as `iceblock simulate` writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ...compare.scores import PairSet
from ...errors import IceblockError
from ...images.particle_images import images_of
from ...images.particles import ParticleSet, read_particles
from ...signal.background import ring_statistics
from ...signal.ctf import CtfParameters
from ...signal.ctf_ranges import odd_words
from ...wording import counted
from ..provenance import refuse_denoised

LEVEL = 0.1
"""A pixel counts as particle above this part of the clean image's largest absolute value."""
FEWEST = 8


def read_pairs(
    noisy: Path, clean: Path, number: int, validation: int, seed: int, whole: int = 0
) -> tuple[PairSet, PairSet, PairSet | None]:
    """Read pairs to score on, and others to tune filters on.

    Parameters
    ----------
    noisy, clean
        Metadata of particles with the same rows.
    number, validation
        Pairs at most. Where there are fewer, a quarter is kept for tuning.
    seed
        Of the choice of rows.
    whole
        Images at most, the scored ones among them, that teach what the set has in common.

    Returns
    -------
    scored, validation, whole
        Brought to the noisy images' background mean 0 and sd 1. The mask is where the clean image
        stands out, since no other is known.

    Raises
    ------
    IceblockError
        If the two tables or their images do not fit each other.
    """
    one, other = read_particles(noisy), read_particles(clean)
    if one.n != other.n:
        raise IceblockError(
            f"{noisy} has {counted(one.n, 'particle')} and {clean} has {other.n}: give two tables "
            "whose rows correspond, as iceblock simulate writes them."
        )
    if one.n < FEWEST:
        raise IceblockError(
            f"{noisy} has {counted(one.n, 'particle')}, and a comparison needs at least {FEWEST}."
        )
    refuse_denoised(one, "name the noisy particles")
    sizes = np.unique(np.concatenate([one.pixel_sizes, other.pixel_sizes]))
    if sizes.max() > 1.001 * sizes.min():
        raise IceblockError(
            f"{noisy} and {clean} have pixel sizes from {sizes.min():g} to {sizes.max():g} Å: a "
            "comparison is made at a single one."
        )
    order = np.random.default_rng([seed, 4]).permutation(one.n)
    tuning = min(validation, one.n // 4)
    rows = [np.sort(order[tuning : tuning + number]), np.sort(order[:tuning])]
    if whole:
        rows.append(np.sort(order[:whole]))
    name = noisy.parent.name if noisy.stem == "particles" and noisy.parent.name else noisy.stem
    ctf = _ctf_of(one)
    found = [
        _pair_set(
            name, images_of(one, r), images_of(other, r), float(sizes[0]), noisy, clean,
            ctf=None if ctf is None else ctf.take(r),
        )
        for r in rows
    ]  # fmt: skip
    return found[0], found[1], found[2] if whole else None


def _ctf_of(particles: ParticleSet) -> CtfParameters | None:
    columns = particles.ctf()
    if columns is None:
        return None
    if said := odd_words(columns):
        raise IceblockError(f"{particles.source}: {said}; correct the rows or take them out.")
    return CtfParameters(**columns)


def _pair_set(
    name: str,
    noisy: npt.NDArray[np.float32],
    clean: npt.NDArray[np.float32],
    pixel_size: float,
    *sources: Path,
    ctf: CtfParameters | None,
) -> PairSet:
    if noisy.shape != clean.shape:
        raise IceblockError(
            f"{sources[0]} has images of {noisy.shape[-1]} pixels and {sources[1]} of "
            f"{clean.shape[-1]}: give pairs of the same box."
        )
    one, other = torch.from_numpy(noisy), torch.from_numpy(clean)
    mean, sd = ring_statistics(one)
    if not (torch.isfinite(one).all() and torch.isfinite(other).all() and (sd > 0).all()):
        raise IceblockError(
            f"{sources[0]} or {sources[1]} holds images that are not finite or whose background is "
            "constant: remove them."
        )
    level, _ = ring_statistics(other)
    other = (other - level) / sd
    mask = other.abs() > LEVEL * other.abs().amax(dim=(1, 2), keepdim=True)
    return PairSet(name, (one - mean) / sd, other, mask, pixel_size, ctf)
