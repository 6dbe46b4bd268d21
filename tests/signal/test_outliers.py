"""Outlying pixels are replaced; noise and particles, however strong, are left as they are."""

import numpy as np
import pytest
import torch

from core.signal.background import ring_statistics
from core.signal.outliers import without_outliers


def noise(n: int, box: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(box).normal(size=(n, box, box))).float()


def marked(kind: str, box: int) -> torch.Tensor:
    """Tell where a defect of some kind lies."""
    mask = torch.zeros(box, box, dtype=torch.bool)
    y, x = box // 2, box // 3
    rows, columns = torch.meshgrid(torch.arange(box), torch.arange(box), indexing="ij")
    if kind == "pixel":
        mask[y, x] = True
    elif kind == "corner":
        mask[0, -1] = True
    elif kind == "cluster":
        mask[y : y + 3, x : x + 3] = True
    elif kind == "spot":
        mask = (rows - y) ** 2 + (columns - x) ** 2 <= 9
    elif kind == "row":
        mask[y] = True
    elif kind == "columns":
        mask[:, x : x + 2] = True
    elif kind == "border":
        mask[:, 0] = True
    return mask


KINDS = ("pixel", "corner", "cluster", "spot", "row", "columns", "border")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [40.0, -80.0, 1e6, 1e30])
def test_defects_are_replaced_by_what_is_about_them(kind: str, value: float) -> None:
    clean = noise(3, 64)
    mask = marked(kind, 64)
    spoilt = torch.where(mask, torch.tensor(value), clean)
    spoilt[2] = clean[2]
    mended, counts = without_outliers(spoilt.clone())
    n = int(mask.sum())
    assert counts[2] == 0
    assert all(n <= count <= n + 3 for count in counts[:2])  # noise beside them may count, too
    assert mended[:2][:, mask].abs().max() < 2
    assert (mended[:, ~mask] != clean[:, ~mask]).sum() <= 6
    assert torch.equal(mended[2], clean[2])


@pytest.mark.parametrize("kind", KINDS)
def test_the_ring_is_measured_without_them(kind: str) -> None:
    clean = 5 + 3 * noise(2, 96)
    spoilt = torch.where(marked(kind, 96), torch.tensor(700.0), clean)
    for got, wanted in zip(ring_statistics(spoilt), ring_statistics(clean), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0.02, atol=0.05)


def test_an_object_in_the_ring_does_not_change_the_measure() -> None:
    clean = noise(1, 96)
    spoilt = clean.clone()
    spoilt[:, 3:15, 3:15] = -25  # a bead of gold
    _, sd = ring_statistics(spoilt)
    torch.testing.assert_close(sd, ring_statistics(clean)[1], rtol=0.02, atol=0)


@pytest.mark.parametrize("snr", [0.1, 1.0, 10.0, 1e6])
@pytest.mark.parametrize("diameter", [0.3, 0.7])
def test_particles_are_no_outliers(snr: float, diameter: float) -> None:
    box = 96
    d = torch.arange(box) - box // 2
    inside = (d[:, None] ** 2 + d**2).sqrt() < diameter * box / 2
    blobs = torch.nn.functional.avg_pool2d(noise(4, box)[:, None], 5, 1, 2)[:, 0]
    particle = torch.where(inside, 2 + blobs / blobs.std(), 0.0)
    images = np.sqrt(snr) * particle + noise(4, box).flip(0)
    mended, counts = without_outliers(images.clone())
    assert counts.sum() == 0
    assert torch.equal(mended, images)


def test_an_image_comes_out_the_same_in_any_company() -> None:
    images = noise(5, 64)
    images[1, 10, 10] = 50
    images[3, :, 7] = -90
    together, _ = without_outliers(images.clone())
    for number, image in enumerate(images):
        alone, _ = without_outliers(image[None].clone())
        assert torch.equal(alone[0], together[number])
        for mine, all_of_them in zip(
            ring_statistics(image[None]), ring_statistics(images), strict=True
        ):
            assert torch.equal(mine[0], all_of_them[number])


def test_a_weak_spot_is_replaced_and_not_counted() -> None:
    """Good images of many sets have one: a warning of it would be one too many."""
    images = noise(2, 64)
    images[0, 20, 30], images[1, 20, 30] = 8.0, 12.0
    mended, counts = without_outliers(images)
    assert mended[:, 20, 30].abs().max() < 2
    assert counts[0] == 0
    assert counts[1] > 0
