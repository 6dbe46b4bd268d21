"""Estimators answer one contract; what is known of a set goes on with any of them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.denoise.estimators.estimator import Estimator, Seen, keys_of
from core.denoise.estimators.network import Network
from core.denoise.inference import Denoiser
from core.denoise.known_set import KnownSet
from core.denoise.known_set_file import SET, WEIGHTS, read_sets, write_sets
from core.denoise.model_file import Model
from core.denoise.set_learning import learn_set
from core.errors import IceblockError
from core.sets.stacking.combination import Weights
from core.signal.ctf import random_ctf

CPU = torch.device("cpu")
N, BOX = 120, 32


def particles() -> np.ndarray:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    blob = np.exp(-(y**2 + x**2) / 40)
    return (rng.standard_normal((N, BOX, BOX)) + 2 * blob).astype(np.float32)


@dataclass(frozen=True)
class Blob:
    """A toy: the mean of all images of a set, whatever the image."""

    name: str = "blob"

    def __call__(self, seen: Seen) -> torch.Tensor:
        y, x = torch.meshgrid(*[torch.arange(BOX) - BOX // 2] * 2, indexing="ij")
        blob: torch.Tensor = 2 * torch.exp(-(y.square() + x.square()) / 40)
        return blob.expand_as(seen.images)


def test_another_estimator_is_one_class_and_one_line(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoiser, raw = Denoiser(tiny_model, CPU), particles()
    before = KnownSet.estimators

    def with_blob(known: KnownSet) -> list[Estimator]:
        return [*before(known), Blob()]  # the one line

    monkeypatch.setattr(KnownSet, "estimators", with_blob)
    ((key, known),) = learn_set(denoiser, raw, 4.0, None).items()
    names = ("network", *(estimator.name for estimator in known.estimators()))
    assert names[-1] == "blob"
    table = torch.zeros(1, len(names), BOX // 2 + 1)
    table[:, 0] = 1
    results = []
    for share in (0, 1):
        table[:, -1] = share
        sets = {key: replace(known, weights=Weights(names, torch.zeros(1), table.clone()))}
        results.append(Denoiser(tiny_model, CPU, sets=sets)(raw[:8], 4.0)[0])
    assert np.isfinite(results).all()
    assert not np.array_equal(*results)


def test_the_network_is_an_estimator(tiny_model: Model) -> None:
    seen = Seen(torch.from_numpy(particles()[:4]), 4.0, None, torch.zeros(4, dtype=torch.long))
    network: Estimator = Network(tiny_model.generator, CPU)
    with torch.inference_mode():
        assert network(seen).shape == seen.images.shape


def test_halves_are_told_by_the_pixels_alone() -> None:
    images = np.random.default_rng(2).standard_normal((400, BOX, BOX)).astype(np.float32)
    keys = keys_of(images)
    assert 0.4 < float((keys & 1).float().mean()) < 0.6
    assert torch.equal(keys_of(-images[::-1]), keys.flip(0))


def test_a_file_keeps_what_is_known(tiny_model: Model, tmp_path: Path) -> None:
    denoiser, raw = Denoiser(tiny_model, CPU), particles()
    ctf = random_ctf(np.random.default_rng(1), N)
    sets = learn_set(denoiser, raw, 4.0, ctf)
    write_sets(tmp_path, sets)
    found = read_sets(tmp_path)
    numbers = np.arange(8)
    one, other = (
        Denoiser(tiny_model, CPU, sets=each).answer(
            raw[:8], 4.0, 1, ctf.take(numbers), confidence=True
        )
        for each in (sets, found)
    )
    np.testing.assert_array_equal(one.denoised, other.denoised)
    np.testing.assert_array_equal(one.confidence, other.confidence)
    assert np.isfinite(one.confidence).all()
    write_sets(tmp_path, {})
    assert read_sets(tmp_path) == {}


@pytest.mark.parametrize("name", [SET, WEIGHTS])
@pytest.mark.parametrize("data", [b"", b"nonsense", None])
def test_damaged_files_are_named(
    tiny_model: Model, tmp_path: Path, name: str, data: bytes | None
) -> None:
    sets = learn_set(Denoiser(tiny_model, CPU), particles(), 4.0, None)
    write_sets(tmp_path, sets)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-9] if data is None else data)
    with pytest.raises(IceblockError, match=name):
        read_sets(tmp_path)
    write_sets(tmp_path, {})
    write_sets(tmp_path / "..", sets)
    (tmp_path / SET).write_bytes((tmp_path / ".." / SET).read_bytes())
    with pytest.raises(IceblockError, match="does not belong"):
        read_sets(tmp_path)
