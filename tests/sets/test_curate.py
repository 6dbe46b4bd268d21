"""What tells particles from empty ice and contamination."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sets.classes.engine import Engine
from core.sets.classes.polar import polar_grid
from core.sets.classes.views import view
from core.sets.curate.border import find_border
from core.sets.curate.contamination import contrast, excess
from core.sets.curate.evidence import judge, judging
from core.sets.curate.score import score

from .glyphs import BOX, PIXEL_SIZE, scenes
from .in_memory import InMemory

WIDE = BOX * PIXEL_SIZE


def blobs(n: int, strength: float, seed: int) -> torch.Tensor:
    """Give noise with a wide lump, anywhere in the box, as ice crystals are."""
    rng = np.random.default_rng(seed)
    line = np.arange(BOX)
    centres = rng.uniform(0, BOX, (n, 2))
    far = (line[None, :, None] - centres[:, :1, None]) ** 2 + (
        line[None, None, :] - centres[:, 1:, None]
    ) ** 2
    lumps = strength * np.exp(-far / (2 * 8.0**2))
    return torch.from_numpy((lumps + rng.standard_normal((n, BOX, BOX))).astype(np.float32))


@pytest.mark.parametrize("part", [0.1, 0.5])
def test_contamination_stands_out_though_it_is_half_of_the_set(part: float) -> None:
    good = scenes(200, 1.0, seed=0)[0]
    bad = blobs(round(200 * part / (1 - part)), 6.0, seed=1)
    beyond = excess(contrast(torch.cat([good, bad]), PIXEL_SIZE, 0.75 * WIDE))
    assert (beyond[:200] == 0).mean() > 0.98
    assert (beyond[200:] > 0).mean() > 0.9


def test_images_that_hold_no_numbers_are_not_contamination() -> None:
    powers = contrast(scenes(30, 1.0, seed=0)[0], PIXEL_SIZE, 0.75 * WIDE)
    powers[3] = np.nan
    assert excess(powers)[3] == 0


def test_evidence_tells_particles_from_noise() -> None:
    good = scenes(80, 1.0, seed=2)[0]
    empty = torch.from_numpy(
        np.random.default_rng(3).standard_normal((40, BOX, BOX)).astype(np.float32)
    )
    grid = polar_grid(BOX, BOX / 2 - 4)
    seen = view(torch.cat([good, empty]), grid, PIXEL_SIZE, None, np.zeros(120, np.int64))
    found = judge(Engine(InMemory(seen), grid, judging(120, 3.0, seed=0)), torch.arange(120))
    assert found is not None
    above = (found.evidence[:80, None] > found.evidence[None, 80:]).mean()
    assert above > 0.95
    counts = np.bincount(found.classes, minlength=len(found.averages) + 2)[1:-1]
    assert list(np.diff(counts) <= 0) == [True] * (len(counts) - 1)


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(0, 20))
def test_a_score_rises_with_evidence_and_falls_with_excess(a: float, b: float, c: float) -> None:
    low, high = sorted((a, b))
    one, other, worse = score(np.array([low, high, high]), np.array([0.0, 0.0, c]))
    assert 0 <= one <= other <= 1
    assert worse <= other


@settings(max_examples=30)
@given(st.integers(40, 3000), st.integers(0, 50), st.floats(0.3, 0.9), st.floats(0.01, 0.08))
def test_one_population_has_no_border(n: int, seed: int, middle: float, spread: float) -> None:
    scores = np.clip(np.random.default_rng(seed).normal(middle, spread, n), 0, 1)
    found = find_border(scores)
    assert found is None or found.below / n < 0.02


@pytest.mark.parametrize("part", [0.08, 0.3, 0.5, 0.8])
def test_the_border_between_two_populations(part: float) -> None:
    rng = np.random.default_rng(0)
    low = rng.normal(0.42, 0.03, round(600 * part))
    high = rng.normal(0.8, 0.06, 600 - len(low))
    found = find_border(np.concatenate([low, high]))
    assert found is not None
    assert (low < found.score).mean() > 0.97
    assert (high >= found.score).mean() > 0.98
