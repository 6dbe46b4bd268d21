"""A compiled network gives the same images but for rounding."""

import shutil

import numpy as np
import pytest
import torch

from core.denoise.inference import Denoiser
from core.denoise.model_file import Model
from core.errors import IceblockError

CPU = torch.device("cpu")


def images(n: int, box: int) -> np.ndarray:
    return np.random.default_rng(box).standard_normal((n, box, box)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's own
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_gives_the_same_images_but_for_rounding(tiny_model: Model) -> None:
    before = torch.get_num_threads()
    fast, plain = Denoiser(tiny_model, CPU, fast=True), Denoiser(tiny_model, CPU)
    for raw in (images(19, 48), images(3, 64)):
        found = []
        try:
            for threads in (1, 2):
                torch.set_num_threads(threads)
                found.append(fast(raw, 4.0)[0])
        finally:
            torch.set_num_threads(before)
        assert found[0].tobytes() == found[1].tobytes()
        wanted, _ = plain(raw, 4.0)
        assert np.abs(found[0] - wanted).max() < 0.02 * np.abs(wanted).max()


def test_without_a_compiler(tiny_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(_: object, **__: object) -> object:
        def fails(_: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no compiler here\nand more")

        return fails

    monkeypatch.setattr(torch, "compile", without)
    with pytest.raises(IceblockError, match=r"\(no compiler here\).*leave --compile out"):
        Denoiser(tiny_model, CPU, fast=True)(images(2, 48), 4.0)


def test_each_size_by_itself_where_not_all_can_be_compiled_together(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def one_size_only(network: torch.nn.Module, *, dynamic: bool, **_: object) -> object:
        def compiles(images: torch.Tensor) -> torch.Tensor:
            asked.append(dynamic)
            if dynamic:
                raise RuntimeError("not for any size")
            return network(images)

        return compiles

    monkeypatch.setattr(torch, "compile", one_size_only)
    fast, plain = Denoiser(tiny_model, CPU, fast=True), Denoiser(tiny_model, CPU)
    raw = images(3, 48)
    for _ in range(2):
        assert np.array_equal(fast(raw, 4.0)[0], plain(raw, 4.0)[0])
    assert asked.count(True) == 1
    assert asked.count(False) >= 2
