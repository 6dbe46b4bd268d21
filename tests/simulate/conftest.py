"""Small sources of pairs, and RELION's programs."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.noise.source import SpectrumNoise
from core.signal.spectrum import ice_like_power
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

from .shapes import blob_volume

Relion = Callable[..., str]


@pytest.fixture(scope="session")
def transform() -> VolumeTransform:
    """A small phantom's transform; about 100 Å, 5 Å per pixel."""
    return VolumeTransform(phantom(3, 5.0, (90.0, 100.0)))


@pytest.fixture(scope="session")
def make_generator(transform: VolumeTransform) -> Callable[..., PairGenerator]:
    """Give a function that makes a source of pairs from the settings that matter to a test."""

    def make(*volumes: VolumeTransform, **settings: object) -> PairGenerator:
        usual = {"neighbour_rate": 0.0, "group": 1}
        noise = SpectrumNoise(ice_like_power())
        return PairGenerator(volumes or [transform], noise, PairSettings(**{**usual, **settings}))

    return make


@pytest.fixture(scope="session")
def seed_noise() -> Callable[[int], torch.Generator]:
    """Give a function that makes a source of randomness for the noise."""
    return lambda seed: torch.Generator().manual_seed(seed)


@pytest.fixture(scope="session")
def blob_transform() -> VolumeTransform:
    return VolumeTransform(blob_volume())


@pytest.fixture
def relion(tmp_path: Path) -> Relion:
    """Give a function that runs one of RELION's programs in the test's folder.

    Tests skip where RELION is not installed, but never in CI, where that would hide them.
    """

    def run(program: str, *arguments: object) -> str:
        if shutil.which(program) is None:
            reason = f"{program} is not on PATH (apt-get install relion)"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        done = subprocess.run(
            [program, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
