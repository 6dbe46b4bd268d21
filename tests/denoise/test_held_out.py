"""Held-out sets, their scores, and the pictures of a training run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.denoise.training.held_out import (
    HeldOut,
    draw_held_out,
    gaussian,
    images_for,
    mean,
    named,
    snrs_within,
    trivial_methods,
)
from core.figures.training_figures import curves, samples
from core.noise.source import SpectrumNoise
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    volume = VolumeTransform(phantom(0, 6.0, diameter=(90, 110)))
    noise = SpectrumNoise(torch.ones(1, 17))
    generators = {
        snr: PairGenerator([volume], noise, PairSettings(snr_range=(snr, snr), neighbour_rate=0.0))
        for snr in (0.5, 0.05)
    }
    return draw_held_out(generators, 32, 12, seed=3)


def test_all_snrs_show_the_same_particles(held_out: HeldOut) -> None:
    strong, weak = held_out.sets.values()
    np.testing.assert_array_equal(strong.angles, weak.angles)
    assert set(strong.snr.tolist()) == {0.5}
    assert set(held_out.noisy) == {0.5, 0.05}


def test_scores_know_the_truth(held_out: HeldOut) -> None:
    truth = {snr: pairs.clean for snr, pairs in held_out.sets.items()}
    assert mean(held_out.correlations(truth)) == pytest.approx(1.0)
    raw = held_out.correlations(held_out.noisy)
    assert 1 > raw[0.5] > raw[0.05] > 0
    assert named(raw) == {f"correlation_{snr:g}": round(raw[snr], 4) for snr in (0.5, 0.05)}


def test_a_network_is_applied_to_the_images_as_they_are(held_out: HeldOut) -> None:
    class Twice(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return 2 * images

    doubled = held_out.denoised(Twice(), bf16=False)
    for snr, images in held_out.noisy.items():
        assert torch.equal(doubled[snr], 2 * images)


def test_trivial_methods_stand_in_their_order(held_out: HeldOut) -> None:
    rows = {k: held_out.correlations(v) for k, v in trivial_methods(held_out).items()}
    assert list(rows) == ["zero", "raw", "low-pass", "oracle Wiener"]
    for snr in (0.5, 0.05):
        assert rows["zero"][snr] == 0
        assert rows["low-pass"][snr] > rows["raw"][snr] > 0.05


def test_the_gaussian_is_one() -> None:
    spot = torch.zeros(1, 64, 64)
    spot[0, 32, 32] = 1
    d = torch.arange(64) - 32
    expected = torch.exp(-(d[:, None] ** 2 + d**2) / (2 * 2.0**2)) / (2 * torch.pi * 2.0**2)
    torch.testing.assert_close(gaussian(spot, 2.0)[0], expected, rtol=0, atol=3e-3)


@given(box=st.integers(32, 512))
def test_larger_boxes_are_fewer(box: int) -> None:
    assert 8 <= images_for(box) <= 64
    assert images_for(box) >= images_for(box + 8)


@pytest.mark.parametrize(
    ("within", "chosen"),
    [((0.01, 2.0), (0.5, 0.1, 0.05)), ((0.08, 0.2), (0.1,)), ((0.2, 0.3), (0.3, 0.2)),
     ((0.7, 0.7), (0.7,))],
)  # fmt: skip
def test_snrs_lie_in_the_range(within: tuple[float, float], chosen: tuple[float, ...]) -> None:
    assert snrs_within(within) == chosen


def test_figures_can_be_drawn_from_the_first_row_on(held_out: HeldOut, tmp_path: Path) -> None:
    raw = held_out.correlations(held_out.noisy)
    low_pass = held_out.correlations(trivial_methods(held_out)["low-pass"])
    levels = {"raw": raw, "best low-pass": low_pass}
    scores = {f"correlation_{snr:g}": value for snr, value in raw.items()}
    rows: list[dict[str, float]] = [{"step": 0, "learning_rate": 0.0, **scores}]
    for step in (10, 20):
        curves(rows, levels, "title").savefig(tmp_path / "c.png", dpi=20)
        rows.append({"step": step, "learning_rate": 1e-3, "loss": 1.0, "pixel": 0.5, "zero": 1.0,
                     "discriminator": 0.6, **scores})  # fmt: skip
    figure = curves(rows, levels, "title")
    lines = {str(line.get_label()): line for axes in figure.axes for line in axes.get_lines()}
    assert lines["pixels, over an all-zero answer's"].get_ydata().tolist() == [0.5, 0.5]
    assert lines["model, SNR 0.5"].get_xdata().tolist() == [0, 10, 20]
    dotted = [line for line in figure.axes[1].get_lines() if line.get_linestyle() == ":"]
    assert {y for line in dotted for y in list(line.get_ydata())[:1]} == {*low_pass.values()}
    samples(held_out, held_out.noisy, held_out.noisy, "title").savefig(tmp_path / "s.png", dpi=20)
    assert (tmp_path / "s.png").stat().st_size > 1000
