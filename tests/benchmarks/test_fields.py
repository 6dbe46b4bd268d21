"""Fields to learn from: their signal is of the strength that they say, empty ones hold none."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.noise.source import SpectrumNoise
from core.simulate.pairs import PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def drawn(monkeypatch: pytest.MonkeyPatch, empty: float):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    fields = importlib.import_module("fields")
    monkeypatch.setattr(fields.FieldGenerator, "empty", empty)
    volumes = [VolumeTransform(phantom(k, 4.0, (90.0, 130.0), 10.0)) for k in range(3)]
    settings = PairSettings(snr_range=(0.5, 0.5))
    generator = fields.FieldGenerator(volumes, SpectrumNoise(torch.ones(1, 33), 0.0), settings)
    return generator.draw(24, 96, np.random.default_rng(1), torch.Generator().manual_seed(1))


def test_empty_fields_are_noise_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = drawn(monkeypatch, 1.0)
    assert not pairs.clean.any()
    assert not pairs.snr.any()
    assert pairs.noisy.std() == pytest.approx(1, abs=0.05)


def test_particles_lie_anywhere_over_flat_ice(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = drawn(monkeypatch, 0.0)
    assert torch.equal(pairs.clean, drawn(monkeypatch, 0.0).clean)
    assert (pairs.clean.std(dim=(1, 2)) > 0.01).all()
    touched = [pairs.clean[:, 0], pairs.clean[:, -1], pairs.clean[:, 48]]
    assert all((side.abs().amax(dim=1) > 0.5).any() for side in touched)
    assert float(pairs.clean.median(dim=2).values.median()) == pytest.approx(0, abs=0.05)
    noise = pairs.noisy - pairs.clean
    assert noise.std(dim=(1, 2)).numpy() == pytest.approx(1, abs=0.5)
    assert float((noise * pairs.clean).mean()) == pytest.approx(0, abs=0.01)
