"""Whole micrographs: the working grid, tiles without seams, weights by Stein's identity."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from core.compute.threads import limited_threads
from core.denoise.fields.field import denoise_field
from core.denoise.fields.grid import WorkingGrid
from core.denoise.fields.ice import DIAMETERS, Ice, likely_diameter, low_pass
from core.denoise.fields.strength import MOST_NOISE, measured
from core.denoise.fields.tiles import FieldNetwork
from core.denoise.model_file import load_model
from core.denoise.shipped import MICROGRAPHS, find_model
from core.images.micrographs.reader import MicrographImage
from core.segment.model_file import load_model as load_segmentation
from core.segment.segmenter import Segmenter
from core.segment.shipped import DEFAULT as SEGMENTATION

CPU = torch.device("cpu")


def network(forward) -> FieldNetwork:
    """A network that is a plain function of (n, 1, h, w)."""
    generator = torch.nn.Module()
    generator.forward = forward
    return FieldNetwork(SimpleNamespace(generator=generator), CPU)


@settings(max_examples=25)
@given(
    shape=st.tuples(st.integers(60, 700), st.integers(60, 700)),
    pixel_size=st.floats(0.4, 8),
    place=st.tuples(st.floats(0.35, 0.65), st.floats(0.35, 0.65)),
)
def test_a_coordinate_is_scaled_and_no_more(shape, pixel_size, place) -> None:
    """A blob lies in the working image where the raw place over the scale says."""
    grid = WorkingGrid.of(shape, pixel_size, 4.0)
    assert grid.working_pixel_size == pytest.approx(max(4.0, pixel_size), rel=0.34)
    assert grid.working_pixel_size >= min(4.0, pixel_size) - 1e-6
    y, x = (part * side for part, side in zip(place, shape, strict=True))
    width = 2.2 * grid.scale
    yy, xx = np.ogrid[: shape[0], : shape[1]]
    blob = np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / (2 * width**2)).astype(np.float32)
    small = grid.shrunk(blob)
    assert small.shape == grid.working_shape
    if min(shape) < 12 * width:
        return
    hh, ww = np.ogrid[: small.shape[0], : small.shape[1]]
    centre = np.array([(hh * small).sum(), (ww * small).sum()]) / small.sum()
    assert centre * grid.scale == pytest.approx((y, x), abs=0.1 * grid.scale)
    again = grid.enlarged(small)
    assert again.shape == shape
    assert np.abs(again - blob).max() < 0.03


def test_grey_values_stay() -> None:
    grid = WorkingGrid.of((301, 203), 1.34, 4.0)
    flat = np.full((301, 203), 3.5, np.float32)
    assert grid.shrunk(flat) == pytest.approx(3.5, abs=1e-4)
    assert grid.enlarged(grid.shrunk(flat)) == pytest.approx(3.5, abs=1e-4)


@settings(max_examples=15)
@given(shape=st.tuples(st.integers(8, 1200), st.integers(8, 700)))
def test_tiles_leave_no_seam(shape) -> None:
    """The weights of all tiles sum to one: what a network gives back unchanged stays unchanged."""
    image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    assert np.abs(network(lambda images: images)(image) - image).max() < 1e-6


def test_the_number_of_threads_changes_nothing() -> None:
    image = np.random.default_rng(0).standard_normal((700, 90)).astype(np.float32)
    shipped = FieldNetwork(load_model(find_model(MICROGRAPHS)), CPU)
    made = []
    for threads in (1, 2):
        with limited_threads(threads):
            made.append(shipped(image))
    assert np.array_equal(*made)


def test_weights_are_those_that_the_truth_would_give() -> None:
    """A network that answers at half strength gets about twice the weight, without the truth."""
    rng = np.random.default_rng(3)
    truth = np.zeros((384, 384), np.float32)
    truth[rng.integers(0, 384, 400), rng.integers(0, 384, 400)] = 60
    truth = gaussian_filter(truth, 3)
    truth[:, :128] = 0
    image = truth + rng.standard_normal(truth.shape).astype(np.float32)
    empty = np.zeros(truth.shape, bool)
    empty[:, :110] = True
    ice = Ice(image, empty, np.zeros_like(image))

    def smoothed(images):
        return torch.from_numpy(0.5 * gaussian_filter(images.numpy(), (0, 0, 2.5, 2.5)))

    half = network(smoothed)
    answer = half(image)
    found = measured(ice, answer, 4.0, half)
    plain = low_pass(image, 4.0)
    parts = np.stack([answer.ravel(), plain.ravel()]).astype(np.float64)
    wanted = np.linalg.solve(parts @ parts.T, parts @ truth.ravel())
    got = found.network * answer + found.low_pass * plain
    best = wanted[0] * answer + wanted[1] * plain
    assert np.square(got - truth).mean() < 1.3 * np.square(best - truth).mean()
    assert found.network > 1.2


def test_empty_ice_stays_empty_and_dirt_becomes_flat() -> None:
    """Nothing is invented in noise; a lump far darker than ice is marked, and not denoised."""
    rng = np.random.default_rng(1)
    white = rng.standard_normal((500, 460))
    pixels = (100 + white + 2 * gaussian_filter(white, 1.5)).astype(np.float32)
    yy, xx = np.ogrid[:500, :460]
    lump = np.hypot(yy - 200, xx - 300) < 40
    pixels[lump] -= 40
    image = MicrographImage(pixels, np.ones(pixels.shape, bool), ())
    segmenter = Segmenter(load_segmentation(SEGMENTATION), border=False)
    shipped = FieldNetwork(load_model(find_model(MICROGRAPHS)), CPU)
    field = denoise_field(image, 3.0, 150.0, shipped, segmenter)
    assert field.floor <= MOST_NOISE + 0.01
    far = np.hypot(yy - 200, xx - 300)[:: int(field.grid.scale), :: int(field.grid.scale)] > 100
    big = field.grid.enlarged(field.pollution)
    assert (big[lump] > 0.5).mean() > 0.95
    assert (big[np.hypot(yy - 200, xx - 300) > 120] > 0.5).mean() < 0.1
    assert np.abs(field.grid.enlarged(field.image)[lump]).mean() < 0.05
    assert far.any()


def test_the_diameter_is_found(test_data) -> None:
    from core.images.micrographs.reader import list_micrographs, read_micrograph

    segmenter = Segmenter(load_segmentation(SEGMENTATION), border=False)
    for name, least, most in (("empiar10028_80S", 250, 370), ("empiar10059_trpv1", 110, 160)):
        first = list_micrographs(test_data / "projects" / name / "Micrographs")[0]
        found = likely_diameter([(read_micrograph(first), first.pixel_size)], segmenter)
        assert found in DIAMETERS
        assert least <= found <= most
