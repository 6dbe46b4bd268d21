"""All that a device computes is made on it.

A meta device has no values, and torch refuses to mix its tensors with those of a CPU as it refuses
to mix a GPU's.
"""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.denoise.estimators.estimator import Seen
from core.denoise.known_set import KnownSet
from core.denoise.model_file import Model
from core.denoise.views import normalised, set_view, working_view
from core.sets.covariance.learn import learn
from core.sets.stacking.combination import Weights
from core.signal.ctf import random_ctf

META = torch.device("meta")
BOX, PIXEL_SIZE = 48, 6.0


@pytest.fixture(scope="module")
def particles() -> torch.Tensor:
    d = np.arange(BOX) - BOX // 2
    blob = np.exp(-(d[:, None] ** 2 + d**2) / 40).astype(np.float32)
    noise = np.random.default_rng(0).standard_normal((150, BOX, BOX), dtype=np.float32)
    return torch.from_numpy(noise + 2 * blob)


@pytest.mark.parametrize("with_ctf", [True, False])
def test_nothing_is_made_on_the_cpu(
    tiny_model: Model, particles: torch.Tensor, with_ctf: bool
) -> None:
    ctf = random_ctf(np.random.default_rng(0), len(particles)) if with_ctf else None
    prior = learn(particles, ctf, PIXEL_SIZE)
    assert prior is not None
    raw = torch.empty(6, 2 * BOX, 2 * BOX, device=META)
    known, unusable = normalised(raw, -1)
    seen, sd = working_view(known, PIXEL_SIZE / 2, PIXEL_SIZE)
    answer = deepcopy(tiny_model.generator).to(META)(seen[:, None])[:, 0]
    optics = None if ctf is None else ctf.take(np.arange(6))
    # The frequencies alone are read back, to work out CTFs.
    there = replace(prior.to(META), frequencies=prior.frequencies)
    names = ("network", "linear")
    weights = Weights(names, torch.tensor([-3.0, -2.0]), torch.ones(2, 2, BOX // 2 + 1)).to(META)
    halves = torch.zeros(6, dtype=torch.long, device=META)
    mixed = KnownSet(there, (there,), weights=weights).result(
        answer, Seen(seen, PIXEL_SIZE, optics, halves)
    )
    view, _ = set_view(seen)
    for tensor in (known, unusable, seen, sd, mixed, view):
        assert tensor.device == META
    assert mixed.shape == seen.shape
