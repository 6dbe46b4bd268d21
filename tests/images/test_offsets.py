"""A constant added to an image changes nothing: what is large need not be constant."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from core.denoise.views import normalised
from core.images.micrographs.reader import Micrograph, read_micrograph
from core.segment.masks import read_mask

from .micrograph_files import write_mrc

Images = npt.NDArray[np.float32]
OFFSETS = [1e4, -1e5, 1e6, -1e6]


def noise(*shape: int) -> Images:
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


def correlation(one: Images, other: Images) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("offset", OFFSETS)
def test_particles(offset: float) -> None:
    images = noise(20, 64, 64)
    seen, unusable = normalised(torch.from_numpy(images + np.float32(offset)), 1)
    assert not unusable.any()
    plain, _ = normalised(torch.from_numpy(images), 1)
    assert correlation(seen.numpy(), plain.numpy()) > 0.999
    assert abs(float(seen.mean() - plain.mean())) < 0.05


@pytest.mark.parametrize("value", [0.0, 1e-3, 100.0, 1e6, -3e7])
def test_constant_images_stay_constant(value: float) -> None:
    images = np.full((2, 64, 64), value, dtype=np.float32)
    images[1, ::2] = np.nextafter(images[1, ::2], np.float32(np.inf))  # rounding
    _, unusable = normalised(torch.from_numpy(images), 1)
    assert unusable[0]
    assert unusable[1] or value == 0.0


@pytest.mark.parametrize("offset", OFFSETS)
def test_micrographs(tmp_path: Path, offset: float) -> None:
    pixels = noise(300, 400)
    path = write_mrc(tmp_path / "a.mrc", pixels + np.float32(offset))
    read = read_micrograph(Micrograph("a", path, 1.0))
    assert read.remarks == ()
    assert read.valid.all()
    assert correlation(read.pixels, pixels) > 0.999
    assert read.pixels.std() == pytest.approx(pixels.std(), rel=1e-3)


@pytest.mark.parametrize("offset", [0.0, *OFFSETS])
def test_masks(tmp_path: Path, offset: float) -> None:
    wanted = np.zeros((40, 60), dtype=bool)
    wanted[5:20, 10:50] = True
    path = write_mrc(tmp_path / "a_mask.mrc", wanted.astype(np.float32) + np.float32(offset))
    np.testing.assert_array_equal(read_mask(path), wanted)


@pytest.mark.parametrize(("value", "masked"), [(0.0, False), (1.0, True), (255.0, True)])
def test_masks_of_one_value(tmp_path: Path, value: float, masked: bool) -> None:
    path = write_mrc(tmp_path / "a_mask.mrc", np.full((40, 60), value, dtype=np.float32))
    assert (read_mask(path) == masked).all()
