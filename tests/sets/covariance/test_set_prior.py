"""A set's own covariance takes more noise off than its spectrum does, and invents nothing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.compute.threads import one_thread_each
from core.errors import IceblockError
from core.noise.source import SpectrumNoise
from core.sets.covariance.learn import learn
from core.sets.covariance.set_file import read_priors, write_priors
from core.sets.covariance.set_prior import SetPrior
from core.signal.agreement import masked_correlation
from core.signal.ctf import random_ctf
from core.signal.filters import oracle_wiener
from core.signal.spectrum import ice_like_power, noise_with_power
from core.simulate.pairs import PairGenerator, Pairs, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

BOX, PIXEL_SIZE, N = 32, 8.0, 600


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    volume = VolumeTransform(phantom(11, PIXEL_SIZE, (140.0, 150.0), 20.0))
    noise = SpectrumNoise(ice_like_power(), variation=0.0)
    settings = PairSettings(snr_range=(0.3, 0.3), neighbour_rate=0.0)
    generator = torch.Generator().manual_seed(0)
    made = PairGenerator([volume], noise, settings)
    return made.draw(N, BOX, np.random.default_rng(0), generator)


@pytest.fixture(scope="module")
def prior(pairs: Pairs) -> SetPrior:
    found = learn(pairs.noisy, pairs.ctf, PIXEL_SIZE)
    assert found is not None
    return found


def test_threads_do_not_change_what_is_learned(pairs: Pairs) -> None:
    found = []
    for threads in (None, 1, 3):
        with one_thread_each(), ThreadPoolExecutor(threads) as pool:
            found.append(learn(pairs.noisy, pairs.ctf, PIXEL_SIZE, pool if threads else None))
    assert found[0] is not None
    for other in found[1:]:
        assert other is not None
        for name, tensor in other.tensors().items():
            assert torch.equal(tensor, found[0].tensors()[name]), name


def test_some_of_the_images_teach_what_they_teach_alone(pairs: Pairs) -> None:
    rows = np.arange(1, N, 2)
    chosen = learn(pairs.noisy, pairs.ctf, PIXEL_SIZE, rows=rows)
    alone = learn(pairs.noisy[rows], pairs.ctf.take(rows), PIXEL_SIZE)
    assert chosen is not None
    assert alone is not None
    for name, tensor in alone.tensors().items():
        assert torch.equal(tensor, chosen.tensors()[name]), name


def test_rounded_images_teach_the_same(pairs: Pairs, prior: SetPrior) -> None:
    rounded = learn(pairs.noisy.to(torch.bfloat16), pairs.ctf, PIXEL_SIZE)
    assert rounded is not None
    found = [p.estimate(pairs.noisy, pairs.ctf) for p in (rounded, prior)]
    assert quality(found[0], pairs) == pytest.approx(quality(found[1], pairs), abs=1e-3)


def quality(images: torch.Tensor, pairs: Pairs) -> float:
    return float(masked_correlation(images, pairs.clean, pairs.mask).mean())


def test_better_than_the_spectra_of_every_image(pairs: Pairs, prior: SetPrior) -> None:
    found = prior.estimate(pairs.noisy, pairs.ctf)
    assert quality(found, pairs) > quality(oracle_wiener(pairs.noisy, pairs.clean), pairs)
    assert quality(found, pairs) > 1.1 * quality(pairs.noisy, pairs)


def test_the_same_pieces_give_the_same_images(pairs: Pairs, prior: SetPrior) -> None:
    rows = np.arange(40)
    whole = prior.estimate(pairs.noisy[:40], pairs.ctf.take(rows))
    parts = [prior.estimate(pairs.noisy[r], pairs.ctf.take(r)) for r in np.split(rows, 8)]
    assert torch.allclose(torch.cat(parts), whole, atol=1e-4)


def test_nothing_in_nothing_out(pairs: Pairs, prior: SetPrior) -> None:
    """An empty image gets no ghost of the mean particle, and a doubled one is twice as strong."""
    ctf = pairs.ctf.take(np.arange(10))
    none, one, two = (prior.estimate(k * pairs.noisy[:10], ctf) for k in (0, 1, 2))
    assert not none.any()
    assert torch.allclose(two, 2 * one, atol=1e-3)


def test_learned_without_ctfs(pairs: Pairs) -> None:
    found = learn(pairs.noisy, None, PIXEL_SIZE)
    assert found is not None
    assert quality(found.estimate(pairs.noisy, None), pairs) > 1.05 * quality(pairs.noisy, pairs)


def test_noise_alone_is_taken_off() -> None:
    noise = noise_with_power(
        ice_like_power().reshape(-1).expand(400, -1), BOX, torch.Generator().manual_seed(3)
    )
    found = learn(noise, random_ctf(np.random.default_rng(0), 400), PIXEL_SIZE)
    if found is not None:
        left = found.estimate(noise, random_ctf(np.random.default_rng(0), 400))
        assert float(left.std()) < 0.15 * float(noise.std())


def test_a_few_wild_images_change_little(pairs: Pairs, prior: SetPrior) -> None:
    wild = pairs.noisy.clone()
    wild[::60] = 50 * torch.randn(10, BOX, BOX, generator=torch.Generator().manual_seed(4))
    found = learn(wild, pairs.ctf, PIXEL_SIZE)
    assert found is not None
    assert found.count <= N - 10
    rest = np.flatnonzero(np.arange(N) % 60)
    ctf = pairs.ctf.take(rest)
    tame = Pairs(**{**vars(pairs), "clean": pairs.clean[rest], "mask": pairs.mask[rest]})
    scores = [quality(p.estimate(pairs.noisy[rest], ctf), tame) for p in (found, prior)]
    assert scores[0] > 0.97 * scores[1]


def test_file_keeps_all(tmp_path: Path, prior: SetPrior, pairs: Pairs) -> None:
    path = tmp_path / "set.safetensors"
    write_priors(path, {(64, 4.0): prior})
    ((key, found),) = read_priors(path).items()
    assert key == (64, 4.0)
    ctf = pairs.ctf.take(np.arange(5))
    assert torch.equal(found.estimate(pairs.noisy[:5], ctf), prior.estimate(pairs.noisy[:5], ctf))
    write_priors(path, {})
    assert read_priors(path) == {}


def test_damaged_files_are_named(tmp_path: Path, prior: SetPrior) -> None:
    path = tmp_path / "set.safetensors"
    write_priors(path, {(64, 4.0): prior})
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(IceblockError, match=r"set\.safetensors"):
        read_priors(path)
    with pytest.raises(IceblockError, match="does not exist"):
        read_priors(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"box": 31},
        {"count": 10**400},
        {"pixel_size": float("nan")},
        {"noise": torch.zeros(BOX // 2 + 1)},
        {"mean": torch.zeros(BOX, BOX + 1)},
        {"transfers": torch.zeros(2, 3)},
        {"posterior": torch.full((2, 3, 4, 4), torch.inf)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_parts_that_do_not_belong_together(
    tmp_path: Path, prior: SetPrior, change: dict[str, Any]
) -> None:
    path = tmp_path / "set.safetensors"
    write_priors(path, {(64, 4.0): replace(prior, **change)})
    with pytest.raises(IceblockError, match="not what a set has taught"):
        read_priors(path)


def test_places_outside_the_table(tmp_path: Path, prior: SetPrior) -> None:
    path = tmp_path / "set.safetensors"
    write_priors(path, {(64, 4.0): replace(prior, places=prior.places + 1_000_000)})
    with pytest.raises(IceblockError, match="out of range"):
        read_priors(path)
