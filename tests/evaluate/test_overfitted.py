"""The gate fails a network that was trained on one structure, and passes the model that ships."""

import time

import numpy as np
import pytest
import torch

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.shipped import DEFAULT, find_model
from core.evaluate.gate import Method, Trial
from core.evaluate.hallucination import noise_checks, run_gate
from core.noise.source import SpectrumNoise
from core.runs.evaluate.gate import make_trial, method_of
from core.signal.background import ring_statistics
from core.signal.spectrum import ice_like_power
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

BOX, PIXEL = 40, 5.0
ICE = SpectrumNoise(ice_like_power())
NETWORK = GeneratorConfig(widths=(16, 32), strides=(1, 2), residual_blocks=2, stem_kernel=3)


class FewBlocks:
    """The same few pictures of noise again and again, never turned, mirrored or mixed."""

    def __init__(self, count: int) -> None:
        self.blocks = ICE.draw(count, BOX, torch.Generator().manual_seed(3))

    def draw(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        return self.blocks[torch.randint(len(self.blocks), (n,), generator=generator)]


def overfitted(trial: Trial, blocks: int, images: int, steps: int) -> Method:
    """Train on one structure at one SNR, without augmentation of the noise."""
    torch.manual_seed(0)
    settings = PairSettings((0.5, 0.5), shift_sd=0.0, neighbour_rate=0.0)
    generator = PairGenerator(trial.seen, FewBlocks(blocks), settings)
    pairs = generator.draw(images, BOX, np.random.default_rng(0), torch.Generator().manual_seed(0))
    network = Generator(NETWORK)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(steps):
        rows = torch.randint(images, (16,))
        answer = network(pairs.noisy[rows][:, None])[:, 0]
        loss = (answer - pairs.clean[rows]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.3 * float(pairs.clean.square().mean())  # it did learn
    network.eval()

    def method(noisy: torch.Tensor) -> torch.Tensor:
        mean, sd = ring_statistics(noisy)
        with torch.inference_mode():
            return network(((noisy - mean) / sd)[:, None])[:, 0]

    return method


def small_trial(noise_images: int) -> Trial:
    volumes = [VolumeTransform(phantom(seed, PIXEL, (90, 120))) for seed in (1000, 7_000_000)]
    return Trial(volumes[:1], volumes[1:], ICE, BOX, PIXEL, noise_images, particles=32)


def test_a_network_that_knows_one_structure_fails() -> None:
    trial = small_trial(48)
    checks = noise_checks(overfitted(trial, blocks=8, images=64, steps=120), trial)
    assert checks[0].name == "noise"
    assert not checks[0].passed
    assert checks[0].value > 0.15


@pytest.mark.slow
def test_so_does_one_that_learned_it_thoroughly() -> None:
    trial = small_trial(1000)
    checks = run_gate(overfitted(trial, blocks=32, images=512, steps=1500), trial)
    failed = [check.name for check in checks if not check.passed]
    assert "noise" in failed


@pytest.mark.slow
def test_the_model_that_ships_passes_in_two_minutes() -> None:
    torch.set_num_threads(1)
    denoiser = Denoiser(load_model(find_model(DEFAULT)), torch.device("cpu"))
    begin = time.process_time()
    trial, remarks = make_trial(denoiser, (), lambda box: ICE, 1000)
    checks = run_gate(method_of(denoiser, trial.pixel_size), trial)
    assert remarks == []
    assert [check.title for check in checks if not check.passed] == []
    assert len(checks) == 5
    assert time.process_time() - begin < 120
