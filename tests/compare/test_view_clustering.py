"""Known directions, views about them, and scores that know when clusters are the truth."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from core.compare.clustering import (
    cluster_trials,
    directions,
    draw_views,
    matched_accuracy,
)
from core.compare.views import draw_noise, view_pairs
from core.errors import IceblockError
from core.noise.source import SpectrumNoise
from core.signal.ctf import random_ctf
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform


def axes(angles: np.ndarray) -> np.ndarray:
    """Viewing directions (n, 3)."""
    return Rotation.from_euler("ZYZ", angles, degrees=True).apply([0.0, 0.0, 1.0])


@settings(deadline=None, max_examples=20)
@given(k=st.integers(1, 200))
def test_directions_have_equal_areas(k: int) -> None:
    found = directions(k)
    assert found.shape == (k, 2)
    z = np.sort(np.cos(np.radians(found[:, 1])))
    np.testing.assert_allclose(z, -1 + (2 * np.arange(k) + 1) / k, atol=1e-9)
    assert np.abs(axes(np.column_stack([found, np.zeros(k)])).mean(0)).max() < 1.3 / k


def test_each_direction_has_about_the_same_part_of_the_sphere() -> None:
    k, rng = 32, np.random.default_rng(0)
    points = rng.normal(size=(40_000, 3))
    centres = axes(np.column_stack([directions(k), np.zeros(k)]))
    share = np.bincount((points @ centres.T).argmax(1), minlength=k) / len(points)
    assert 0.85 / k < share.min() < share.max() < 1.15 / k


@settings(deadline=None, max_examples=20)
@given(k=st.integers(1, 40), each=st.integers(1, 5), seed=st.integers(0, 99))
def test_without_spread_views_are_the_directions(k: int, each: int, seed: int) -> None:
    angles, labels = draw_views(k, each, 0.0, np.random.default_rng(seed))
    assert np.bincount(labels).tolist() == [each] * k
    expected = np.column_stack([directions(k), np.zeros(k)])[labels]
    np.testing.assert_allclose(angles, expected, atol=1e-6)


def test_spread_is_in_degrees_and_nothing_turns_in_the_plane() -> None:
    angles, labels = draw_views(8, 500, 5.0, np.random.default_rng(1))
    centres = np.column_stack([directions(8), np.zeros(8)])[labels]
    apart = np.degrees(np.arccos((axes(angles) * axes(centres)).sum(1)))
    assert np.sqrt((apart**2).mean()) == pytest.approx(5 * np.sqrt(2), rel=0.03)
    turn = (
        Rotation.from_euler("ZYZ", centres, degrees=True).inv()
        * Rotation.from_euler("ZYZ", angles, degrees=True)
    ).as_rotvec(degrees=True)
    assert np.abs(turn[:, 2]).max() < 1e-6


def groups(k: int, each: int, apart: float) -> tuple[torch.Tensor, np.ndarray]:
    """Images about k pictures."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(k, 8, 8, generator=generator)
    noise = torch.randn(k * each, 8, 8, generator=generator)
    labels = np.repeat(np.arange(k), each)
    return apart * centres[torch.from_numpy(labels)] + noise, labels


def test_scores_at_both_ends_and_between() -> None:
    means = []
    for apart in (0.0, 0.35, 6.0):
        images, labels = groups(4, 12, apart)
        trials = cluster_trials(images, labels, 4, seeds=3)
        means.append({name: values.mean() for name, values in trials.items()})
    assert abs(means[0]["ari"]) < 0.15
    assert means[2] == pytest.approx({"ari": 1.0, "nmi": 1.0, "accuracy": 1.0})
    for name in ("ari", "nmi", "accuracy"):
        assert means[0][name] < means[1][name] < means[2][name]


def test_trials_are_repeatable_and_shift_and_scale_do_not_count() -> None:
    images, labels = groups(3, 10, 0.8)
    trials = cluster_trials(images, labels, 3, seeds=4)
    again = cluster_trials(7 * images + 3, labels, 3, seeds=4)
    for name, values in trials.items():
        assert values.shape == (4,)
        np.testing.assert_allclose(again[name], values)


@settings(deadline=None, max_examples=30)
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=30), data=st.data())
def test_names_of_clusters_do_not_count(labels: list[int], data: st.DataObject) -> None:
    names = data.draw(st.permutations(range(4)))
    truth = np.array(labels)
    renamed = np.array(names)[truth]
    assert matched_accuracy(truth, renamed) == 1
    assert adjusted_rand_score(truth, renamed) == pytest.approx(1)
    assert normalized_mutual_info_score(truth, renamed) == pytest.approx(1)
    one = matched_accuracy(truth, np.zeros_like(truth))
    assert one == pytest.approx(np.bincount(truth).max() / len(truth))


def test_accuracy_matches_one_to_one() -> None:
    truth, guess = np.array([0, 0, 0, 1, 1, 2]), np.array([5, 5, 5, 5, 5, 7])
    assert matched_accuracy(truth, guess) == pytest.approx(4 / 6)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(IceblockError, match=r"scikit-learn.*pip install"):
        cluster_trials(*groups(2, 3, 1.0), 2)


def test_view_pairs_are_what_the_generator_draws() -> None:
    """The same poses, shifts, CTFs and noise give the generator's own pairs."""
    volume = VolumeTransform(phantom(3, 6.0, (90.0, 100.0)))
    source = SpectrumNoise(torch.ones(1, 17))
    usual = PairSettings(snr_range=(0.3, 0.3), neighbour_rate=0.0, shift_sd=3.0, group=5)
    generator = PairGenerator([volume], source, usual)
    pairs = generator.draw(5, 32, np.random.default_rng(4), torch.Generator().manual_seed(5))
    noise = draw_noise(source, 5, 32, torch.Generator().manual_seed(5))
    ours = view_pairs(volume, pairs.angles, pairs.shifts, pairs.ctf, noise, 0.3)
    torch.testing.assert_close(ours.noisy, pairs.noisy)
    torch.testing.assert_close(ours.clean, pairs.clean)
    assert torch.equal(ours.mask, pairs.mask)
    assert ours.pixel_size.tolist() == [6.0] * 5
    plain = view_pairs(volume, pairs.angles, 0 * pairs.shifts, None, noise, 0.3)
    bare = volume.project(torch.from_numpy(
        Rotation.from_euler("ZYZ", pairs.angles, degrees=True).as_matrix()).float())  # fmt: skip
    for one, other in zip(plain.clean, bare, strict=True):
        inner = one[8:24, 8:24].flatten(), other[(volume.box - 16) // 2 :, (volume.box - 16) // 2 :]
        pair = torch.stack([inner[0], inner[1][:16, :16].flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.999


def test_like_views_of_a_particle_cluster() -> None:
    volume = VolumeTransform(phantom(3, 6.0, (90.0, 100.0)))
    rng = np.random.default_rng(0)
    angles, labels = draw_views(6, 8, 3.0, rng)
    noise = draw_noise(SpectrumNoise(torch.ones(1, 17)), 48, 32, torch.Generator().manual_seed(0))
    ctf = random_ctf(rng, 48, (15000.0, 15100.0))
    pairs = view_pairs(volume, angles, np.zeros((48, 2)), ctf, noise, 0.02)
    clean, noisy = (
        cluster_trials(x, labels, 6, 2)["ari"].mean() for x in (pairs.clean, pairs.noisy)
    )
    assert clean > 0.7
    assert noisy < clean - 0.1
