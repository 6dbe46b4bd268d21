"""Particles and dirt that nobody named are found where they are, and noise is left in peace."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate as correlate_directly
from scipy.ndimage import gaussian_filter

from core.noise.clearance import particle_discs
from core.noise.leftovers import Particle, find_leftovers, highest_of_noise, stands_out
from core.noise.templates import Filters, blob_profile, mean_profile

from .flattened import flatten
from .synthetic_ice import add_ball, ice

DIAMETER = 24.0
PARTICLE = Particle(DIAMETER, reach=14.0, window=48.0)
NO_PICKS = np.empty((0, 2))
SHAPE = (256, 300)


def everything(shape: tuple[int, int] = SHAPE) -> npt.NDArray[np.bool_]:
    return np.ones(shape, dtype=bool)


def with_balls(
    places: npt.NDArray[np.float64], height: float, texture: float = 0, seed: int = 0
) -> npt.NDArray[np.float32]:
    micrograph = ice(seed, SHAPE)
    for y, x in places:
        add_ball(micrograph, y, x, DIAMETER, height, texture)
    return flatten(micrograph, 5.0)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 999))
def test_little_is_found_in_noise(seed: int) -> None:
    flat = flatten(ice(seed, SHAPE), 5.0)
    density, power = find_leftovers(flat, everything(), NO_PICKS, PARTICLE, 0.02)
    assert density.shape == power.shape == SHAPE
    assert (density | power).mean() < 0.12


PLACES = np.array([[60.0, 70.0], [60.0, 200.0], [180.0, 130.0], [0.0, 130.0], [200.0, 299.0]])


@pytest.mark.parametrize("height", [1.0, -1.0, 3.0])
def test_balls_are_found_at_the_edge_too(height: float) -> None:
    density, _ = find_leftovers(with_balls(PLACES, height), everything(), NO_PICKS, PARTICLE, 0.02)
    inside = particle_discs(SHAPE, PLACES, 0.4 * DIAMETER)
    assert density[inside].mean() > 0.95
    assert density.mean() < 2.5 * inside.mean() / 0.64
    far = ~particle_discs(SHAPE, PLACES, 2.2 * DIAMETER)
    assert density[far].mean() < 0.1


def test_textured_dirt_of_no_net_density_is_found_by_its_power() -> None:
    flat = with_balls(PLACES[:3], 0)
    wave = np.cos(np.arange(SHAPE[1]) * 2 * np.pi / (0.6 * DIAMETER))
    spot = particle_discs(SHAPE, PLACES[:1], 0.9 * DIAMETER)
    flat += 1.2 * (wave * spot).astype(np.float32)
    _, power = find_leftovers(flat, everything(), NO_PICKS, PARTICLE, 0.02)
    assert power[particle_discs(SHAPE, PLACES[:1], 0.4 * DIAMETER)].mean() > 0.95


def hollow(seed: int, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Shells whose middles cancel their rims, as those of ferritin in focus."""
    micrograph = ice(seed, SHAPE)
    for y, x in places:
        add_ball(micrograph, y, x, DIAMETER, 1.6)
        add_ball(micrograph, y, x, 0.8 * DIAMETER, -2.5)
    return flatten(micrograph, 5.0)


def test_the_picks_show_what_to_look_for() -> None:
    """Shells that a plain blob misses are found by the mean of those that were picked."""
    grid = np.stack(np.meshgrid(np.arange(30, 240, 50), np.arange(30, 290, 50)), axis=-1)
    places = grid.reshape(-1, 2).astype(np.float64)
    picked, hidden = places[::2], places[1::2]
    flat = hollow(1, places)
    background = ~particle_discs(SHAPE, picked, PARTICLE.reach)
    inside = particle_discs(SHAPE, hidden, 0.4 * DIAMETER)
    blind, _ = find_leftovers(flat, background, NO_PICKS, PARTICLE, 0.02)
    guided, _ = find_leftovers(flat, background, picked, PARTICLE, 0.02)
    assert guided[inside].mean() > 0.9
    assert guided[inside].mean() > blind[inside].mean() + 0.1


def test_nothing_known_to_be_background() -> None:
    flat = with_balls(PLACES, 2.0)
    density, power = find_leftovers(flat, ~everything(), NO_PICKS, PARTICLE, 0.02)
    assert density[particle_discs(SHAPE, PLACES[:3], 6.0)].all()
    assert density.shape == power.shape


@settings(deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 2),
    centres=st.lists(st.tuples(*[st.floats(-20, 60)] * 2), max_size=6),
    radius=st.floats(0.3, 15),
    step=st.integers(1, 4),
)
def test_discs(
    shape: tuple[int, int], centres: list[tuple[float, float]], radius: float, step: int
) -> None:
    """A coarse pixel is inside when a place between its outermost pixels' centres is."""
    discs = particle_discs(shape, np.array(centres).reshape(-1, 2), radius, step)
    expected = np.zeros(shape, dtype=bool)
    for cy, cx in centres:
        y, x = (np.arange(n) * step for n in shape)
        dy = y + np.clip(cy - y, 0, step - 1) - cy
        dx = x + np.clip(cx - x, 0, step - 1) - cx
        expected |= dy[:, None] ** 2 + dx**2 <= radius**2
    np.testing.assert_array_equal(discs, expected)


def test_the_height_of_noise_is_exceeded_as_often_as_promised() -> None:
    """In windows of a smooth Gaussian field, made by filtering white noise."""
    white = np.random.default_rng(0).normal(size=(1600, 1600))
    field = gaussian_filter(white, 3.0)
    field /= field.std()
    roughness = 1 / (2 * 3.0**2)  # of white noise filtered by a Gaussian of sd 3
    assert np.diff(field, axis=0).var() == pytest.approx(roughness, rel=0.05)
    highest = field.reshape(32, 50, 32, 50).max(axis=(1, 3))
    for loss in (0.3, 0.1, 0.02):
        exceeded = (highest > highest_of_noise(50**2, roughness, loss)).mean()
        assert 0.6 * loss < exceeded < 2 * loss
    assert highest_of_noise(1e4, 0.05, 0.01) > highest_of_noise(1e3, 0.05, 0.01)


def test_what_stands_out_is_measured_against_the_quiet_part() -> None:
    """Half of the background may be full of what is looked for."""
    field = gaussian_filter(np.random.default_rng(1).normal(size=SHAPE), 2.0)
    field = (field / field.std()).astype(np.float32)
    field[:, :120] += 8 * (np.sin(np.arange(120) / 3) > 0).astype(np.float32)
    found = stands_out(field, everything(), PARTICLE, 0.02)
    assert found[:, :120].mean() > 0.9
    assert found[:, 150:].mean() < 0.1
    assert not stands_out(np.zeros(SHAPE, np.float32), everything(), PARTICLE, 0.02).any()


def test_correlation_is_that_of_a_direct_sum() -> None:
    profile = blob_profile(8.0)
    image = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    span = np.arange(-8, 9)
    template = np.interp(np.hypot(span[:, None], span), np.arange(9), profile, right=0)
    assert abs(template.sum()) < 0.05 * np.abs(template).sum()
    match = Filters.of(image, margin=13).correlate(profile, border=4)
    assert match.shape == (48, 58)
    direct = correlate_directly(image, template, mode="constant") / np.sqrt((template**2).sum())
    np.testing.assert_allclose(match[12:-12, 12:-12], direct[8:-8, 8:-8], atol=2e-3)
    many = [
        Filters.of(one, margin=13).correlate(profile, border=4)
        for one in torch.randn(300, 40, 50, generator=torch.Generator().manual_seed(0)).numpy()
    ]
    spread = np.std(many, axis=0)
    np.testing.assert_allclose(spread[4:-4, 4:-4], 1, atol=0.2)  # at the edge as inside
    assert (spread < 1.2).all()  # beyond it too little of the template may be seen


def test_filters_are_gaussians() -> None:
    image = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    filters = Filters.of(image, margin=16)
    for sigma in (1.0, 2.5):
        expected = gaussian_filter(image, sigma, mode="constant", truncate=6)
        np.testing.assert_allclose(filters.smooth(sigma), expected, atol=6e-3)
    np.testing.assert_allclose(
        filters.difference(1.0, 2.5), filters.smooth(1.0) - filters.smooth(2.5), atol=1e-5
    )


def test_the_mean_profile_is_that_of_the_picks() -> None:
    places = np.stack(np.meshgrid(np.arange(40, 230, 48), np.arange(40, 270, 48)), axis=-1)
    places = places.reshape(-1, 2).astype(np.float64)
    profile = mean_profile(with_balls(places, 3.0), places, DIAMETER)
    assert profile is not None
    assert profile.argmin() <= 2
    assert profile[0] < 1.5 * profile[int(0.4 * DIAMETER)] < 0
    assert profile[-1] == 0
    assert mean_profile(with_balls(places, 3.0), places[:3], DIAMETER) is None
    assert mean_profile(np.zeros((20, 20), np.float32), places, DIAMETER) is None
