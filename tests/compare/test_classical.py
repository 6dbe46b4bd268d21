"""The filters and trivial rows of the comparison."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter
from skimage.restoration import denoise_tv_chambolle

from core.compare.filters import (
    GAUSSIAN,
    WIENER,
    Baseline,
    classical_baselines,
    combinations,
    constant,
    low_pass,
    mean_filter,
    set_mean,
    total_variation,
)
from core.compare.tuning import tune
from core.signal.agreement import masked_correlation

from .blobs import blobs

BASELINES, _ = classical_baselines()
FILTERS = [baseline for baseline in BASELINES if baseline.kind == "filter"]


def few(baseline: Baseline) -> Baseline:
    """Give the same method with the ends and the middle of its grid."""
    grid = baseline.grid
    kept = (grid[0], grid[len(grid) // 2], grid[-1])
    return Baseline(baseline.name, baseline.apply, kept, baseline.kind)


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda b: b.name)
def test_images_in_images_out(baseline: Baseline) -> None:
    noisy, clean, _ = blobs(2)
    before = noisy.clone()
    for parameters in few(baseline).grid:
        result = baseline(noisy, clean, parameters)
        assert result.shape == noisy.shape
        assert result.dtype == torch.float32
        assert torch.isfinite(result).all()
    assert torch.equal(noisy, before)


@pytest.mark.parametrize("baseline", FILTERS, ids=lambda b: b.name)
def test_a_tuned_filter_is_closer_to_other_truths_than_the_raw_images(baseline: Baseline) -> None:
    tuned = tune(few(baseline), *blobs(4, seed=1))
    noisy, clean, mask = blobs(6, seed=2)
    raw = masked_correlation(noisy, clean, mask).mean()
    assert masked_correlation(tuned(noisy, clean), clean, mask).mean() > raw + 0.05


@settings(max_examples=20, deadline=None)
@given(width=st.sampled_from([3, 5, 9]), seed=st.integers(0, 99))
def test_the_mean_filter_is_scipys(width: int, seed: int) -> None:
    noisy, *_ = blobs(2, 32, seed)
    expected = uniform_filter(noisy.numpy(), (0, width, width), mode="mirror")
    np.testing.assert_allclose(mean_filter(noisy, width), expected, atol=1e-5)


def test_total_variation_is_scikit_images_image_by_image() -> None:
    noisy, *_ = blobs(3)
    expected = [denoise_tv_chambolle(image, weight=1.0) for image in noisy.numpy()]
    np.testing.assert_allclose(total_variation(noisy, 1.0), np.stack(expected), atol=1e-6)


def test_the_low_pass_keeps_what_is_below_and_nothing_beyond() -> None:
    noisy, *_ = blobs(3, 64)
    filtered = low_pass(noisy, 0.2)
    before, after = torch.fft.rfft2(noisy), torch.fft.rfft2(filtered)
    frequency = torch.hypot(torch.fft.fftfreq(64)[:, None], torch.fft.rfftfreq(64))
    below, beyond = frequency < 0.18, frequency > 0.22
    torch.testing.assert_close(after[:, below], before[:, below], atol=1e-3, rtol=1e-3)
    assert after[:, beyond].abs().max() < 1e-3


def test_the_oracle_beats_every_gaussian() -> None:
    noisy, clean, mask = blobs(12)
    best = tune(GAUSSIAN, noisy, clean, mask).correlation
    told = masked_correlation(WIENER(noisy, clean, {}), clean, mask).mean()
    assert told > best


def test_trivial_rows_hold_nothing_of_any_particle() -> None:
    noisy, *_ = blobs(5)
    assert constant(noisy).std(dim=(1, 2)).max() < 1e-6
    torch.testing.assert_close(constant(noisy)[:, 0, 0], noisy.mean(dim=(1, 2)))
    assert set_mean(noisy).std(dim=0).max() < 1e-6
    torch.testing.assert_close(set_mean(noisy)[2], noisy.mean(0))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=2, max_size=6, unique=True))
def test_tuning_finds_the_best_wherever_it_is_and_tells_the_ends(places: list[int]) -> None:
    values = [place / 20 for place in places]
    noisy, clean, mask = blobs(2, 32)

    def mixed(images: torch.Tensor, part: float) -> torch.Tensor:
        return part * clean + (1 - abs(part)) * images

    tuned = tune(Baseline("mixed", mixed, combinations(part=tuple(values))), noisy, clean, mask)
    assert tuned.parameters == {"part": max(values)}
    assert tuned.at_the_edge == ("part",)
    found = masked_correlation(tuned(noisy, clean), clean, mask).mean()
    assert tuned.correlation == pytest.approx(float(found))


def test_a_best_value_inside_the_grid_is_no_end() -> None:
    wide = Baseline("Gaussian", GAUSSIAN.apply, combinations(sigma_pixels=(0.01, 2.5, 60)))
    tuned = tune(wide, *blobs(8))
    assert tuned.parameters == {"sigma_pixels": 2.5}
    assert tuned.at_the_edge == ()


def test_every_combination_once() -> None:
    grid = combinations(a=(1, 2), b=(3, 4, 5))
    assert len(grid) == len({tuple(p.items()) for p in grid}) == 6
    assert {"a": 2, "b": 3} in grid


def test_bm3d_is_left_out_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)
    baselines, left_out = classical_baselines()
    assert "BM3D" not in [baseline.name for baseline in baselines]
    assert len(left_out) == 1
    assert "non-commercial" in left_out[0]


def test_bm3d_of_the_user_is_named_with_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("bm3d")
    package.bm3d = lambda image, sigma: image.astype(np.float64) / sigma  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bm3d", package)
    (baseline,) = [b for b in classical_baselines()[0] if b.name == "BM3D"]
    assert "non-commercial" in baseline.note
    noisy, clean, _ = blobs(2)
    torch.testing.assert_close(baseline(noisy, clean, {"sigma_noise": 2.0}), noisy / 2)
