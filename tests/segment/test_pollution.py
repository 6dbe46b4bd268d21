import numpy as np
import pytest

from core.segment.pollution import PAINTERS, paint, texture

GRID = (160, 200)


@pytest.mark.parametrize("name", PAINTERS)
def test_every_kind_shows_inside_its_mask_and_hardly_outside(name):
    inside, outside, areas = [], [], []
    for seed in range(12):
        relief, mask = PAINTERS[name](GRID, np.random.default_rng(seed))
        assert relief.shape == mask.shape == GRID
        assert relief.dtype == np.float32
        assert mask.dtype == bool
        assert np.isfinite(relief).all()
        areas.append(mask.mean())
        if mask.any() and not mask.all():
            inside.append(np.sqrt(np.mean(relief[mask] ** 2)))
            outside.append(np.sqrt(np.mean(relief[~mask] ** 2)))
    assert np.mean(areas) > 0.002
    assert np.median(inside) > 4 * np.median(outside)


def test_the_same_seed_paints_the_same():
    image = np.random.default_rng(3).standard_normal(GRID).astype(np.float32)
    one, two = (paint(image, 1.0, np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert not np.array_equal(one[0], image)


def test_paint_scales_with_the_noise():
    image = np.zeros(GRID, np.float32)
    weak, _ = paint(image, 1.0, np.random.default_rng(5))
    strong, _ = paint(image, 10.0, np.random.default_rng(5))
    np.testing.assert_allclose(strong, 10 * weak, rtol=1e-4, atol=1e-4)


def test_texture_has_unit_spread_and_its_smoothness():
    rng = np.random.default_rng(0)
    rough, smooth = texture((256, 256), 0.5, rng), texture((256, 256), 6.0, rng)
    assert rough.std() == pytest.approx(1, abs=0.01)
    assert smooth.std() == pytest.approx(1, abs=0.01)
    assert np.abs(np.diff(smooth)).mean() < 0.3 * np.abs(np.diff(rough)).mean()
