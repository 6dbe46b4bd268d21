"""Several volumes are learned on where images say little; else the likeliest one alone."""

from dataclasses import replace

import pytest
import torch

from core.denoise import structure_learning
from core.denoise.reference_learning import grid_of
from core.sets.structure.learn import Structure
from core.sets.structure.slices import lattice


@pytest.mark.parametrize(("likelihoods", "kept"), [((1.5, 2.0), [0, 1]), ((9.0, 20.0), [1])])
def test_all_starts_are_kept_where_images_say_little(
    likelihoods: tuple[float, float], kept: list[int]
) -> None:
    grid = grid_of(32)
    where, fine = (lattice(grid, 0.7, box) for box in (16, 24))
    noise = torch.ones(grid.rings)
    drawn = torch.randn(2, *where.mask.shape, generator=torch.Generator().manual_seed(1))
    starts = [Structure(volume * where.mask, noise) for volume in drawn]
    starts = [
        replace(each, log_likelihood=told) for each, told in zip(starts, likelihoods, strict=True)
    ]
    found = structure_learning._kept(starts, where, fine)
    assert len(found) == len(kept)
    for volume, number in zip(found, kept, strict=True):
        alone = structure_learning._kept([starts[number]], where, fine)[0]
        assert torch.equal(volume.volume, alone.volume)
        assert volume.volume.shape == fine.mask.shape
