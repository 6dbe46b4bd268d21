"""Pairs have the SNR, the normalisation and the neighbours that were asked for."""

import re
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from core.errors import IceblockError
from core.signal.background import ring_mask, ring_statistics
from core.signal.ctf import ctf_images
from core.simulate.pairs import PairGenerator, Pairs, PairSettings
from core.simulate.projection import VolumeTransform, rotation_matrices
from core.simulate.superposition import superimpose, support, widen

from .shapes import blob_volume, centred, correlation

Make = Callable[..., PairGenerator]
BOX = 40


def draw(
    generator: PairGenerator, n: int = 12, box: int = BOX, seed: int = 0, noise: int = 0
) -> Pairs:
    return generator.draw(n, box, np.random.default_rng(seed), torch.Generator().manual_seed(noise))


def variance_inside(images: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.stack([i[m].var(correction=0) for i, m in zip(images, mask, strict=True)])


def disc(box: int, radius: float) -> torch.Tensor:
    t = torch.arange(box) - box // 2
    return (t[:, None] ** 2 + t**2) <= radius**2


@settings(deadline=None)
@given(
    box=st.integers(16, 48),
    snr=st.lists(st.floats(0.001, 10), min_size=1, max_size=4),
    gain=st.floats(0.01, 100),
    offset=st.floats(-3, 3),
    noise_sd=st.floats(0.1, 5),
    seed=st.integers(0, 99),
)
def test_superimposing_gives_the_snr_and_the_units_asked_for(
    box: int, snr: list[float], gain: float, offset: float, noise_sd: float, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    n = len(snr)
    mask = disc(box, box / 4).expand(n, -1, -1)
    clean = torch.where(mask, gain * torch.rand(n, box, box, generator=random), 0.0)
    noise = noise_sd * torch.randn(n, box, box, generator=random) + offset
    noisy, truth = superimpose(clean, mask, torch.zeros_like(clean), noise, torch.tensor(snr))
    mean, sd = ring_statistics(noisy)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
    torch.testing.assert_close(sd, torch.ones_like(sd), rtol=1e-4, atol=0)
    mean, _ = ring_statistics(truth)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
    got = variance_inside(truth, mask) / (noisy - truth).var(dim=(1, 2), correction=0)
    torch.testing.assert_close(got, torch.tensor(snr), rtol=5e-3, atol=0)
    assert correlation(truth[0], clean[0]) > 0.999


def test_neighbours_are_in_the_noisy_image_only() -> None:
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(2, BOX, BOX, generator=random)
    mask = disc(BOX, 8).expand(2, -1, -1)
    clean = mask * torch.rand(2, BOX, BOX, generator=random)
    crowd = torch.zeros(2, BOX, BOX)
    crowd[:, :6, :6] = 1
    snr = torch.tensor([0.5, 0.5])
    alone, truth_alone = superimpose(clean, mask, torch.zeros_like(crowd), noise, snr)
    crowded, truth_crowded = superimpose(clean, mask, crowd, noise, snr)
    added = crowded - alone * (crowded[:, 20, 20] / alone[:, 20, 20])[:, None, None]
    assert (added[:, :6, :6].mean() - added[:, 10:, 10:].mean()) > 0.5
    for one, other in zip(truth_alone, truth_crowded, strict=True):
        assert correlation(one, other) == pytest.approx(1)


def test_an_empty_particle_is_no_trouble() -> None:
    empty = torch.zeros(2, BOX, BOX)
    noise = torch.randn(2, BOX, BOX, generator=torch.Generator().manual_seed(0))
    noisy, clean = superimpose(empty, empty.bool(), empty, noise, torch.tensor([0.1, 1.0]))
    assert torch.isfinite(noisy).all()
    assert not clean.any()


def test_drawn_pairs_keep_the_contract(make_generator: Make) -> None:
    pairs = draw(make_generator(snr_range=(0.05, 0.5)))
    for images in (pairs.noisy, pairs.clean):
        assert images.shape == (12, BOX, BOX)
        assert images.dtype == torch.float32
        assert torch.isfinite(images).all()
    assert pairs.mask.shape == (12, BOX, BOX)
    assert pairs.mask.dtype == torch.bool
    mean, sd = ring_statistics(pairs.noisy)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-5)
    torch.testing.assert_close(sd, torch.ones_like(sd), rtol=1e-5, atol=0)
    mean, _ = ring_statistics(pairs.clean)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-5)
    assert len(pairs.ctf) == len(pairs.snr) == len(pairs.volume) == len(pairs.pixel_size) == 12
    assert pairs.angles.shape == (12, 3)
    assert pairs.shifts.shape == (12, 2)
    assert set(pairs.pixel_size) == {5.0}


@pytest.mark.parametrize("box", [32, 40, 64])
def test_drawn_pairs_have_the_snr_that_they_say(make_generator: Make, box: int) -> None:
    pairs = draw(make_generator(snr_range=(0.02, 2.0)), box=box)
    noise = (pairs.noisy - pairs.clean).var(dim=(1, 2), correction=0)
    snr = variance_inside(pairs.clean, pairs.mask) / noise
    torch.testing.assert_close(snr, pairs.snr, rtol=5e-3, atol=0)


def test_what_is_drawn_lies_in_its_range(make_generator: Make) -> None:
    pairs = draw(
        make_generator(snr_range=(0.01, 1.0), defocus_range=(9000.0, 9500.0), shift_sd=10.0), n=300
    )
    assert kstest(np.log10(pairs.snr.double().numpy()), "uniform", (-2, 2)).pvalue > 0.01
    mean = (pairs.ctf.defocus_u + pairs.ctf.defocus_v) / 2
    assert 9000 <= mean.min() <= mean.max() <= 9500
    assert kstest((pairs.shifts * 5.0).ravel(), "norm", (0, 10.0)).pvalue > 0.01


def test_clean_is_the_projection_moved_and_modulated(
    make_generator: Make, transform: VolumeTransform
) -> None:
    """Put together again from the pose, the shift and the CTF that the pair names."""
    pairs = draw(make_generator(shift_sd=8.0), n=4, box=48)
    flat = transform.project(rotation_matrices(pairs.angles)).numpy()
    wide = 2 * transform.box
    frequency = np.fft.fftfreq(wide)
    factors = ctf_images(pairs.ctf, 5.0, wide).numpy()
    for k in range(4):
        spectrum = np.fft.fft2(np.fft.ifftshift(centred(flat[k], wide)))
        dy, dx = pairs.shifts[k]
        spectrum = spectrum * np.exp(-2j * np.pi * (frequency[:, None] * dy + frequency * dx))
        half = spectrum[:, : wide // 2 + 1] * factors[k]
        image = np.fft.fftshift(np.fft.irfft2(half, s=(wide, wide)))
        assert correlation(pairs.clean[k], centred(image, 48)) > 0.995


def test_without_ctf_particles_are_white_and_the_mask_moves_with_them(
    make_generator: Make,
) -> None:
    pairs = draw(make_generator(ctf_fraction=0.0, shift_sd=8.0), n=6, box=48)
    ring = ring_mask(48)
    for clean, mask in zip(pairs.clean, pairs.mask, strict=True):
        assert clean[mask].min() > clean[~mask].max()
        assert clean[ring & ~mask].std() < 0.05 * clean.max()


def test_part_of_the_images_may_have_a_ctf(make_generator: Make) -> None:
    with_ctf, without, mixed = (
        draw(make_generator(ctf_fraction=part), n=24).clean for part in (1.0, 0.0, 0.5)
    )
    same = [
        [correlation(m, image) > 0.9999 for m, image in zip(mixed, images, strict=True)]
        for images in (with_ctf, without)
    ]
    assert all(a != b for a, b in zip(*same, strict=True))
    assert 5 < sum(same[0]) < 19


def test_the_mask_is_the_particles_support(make_generator: Make) -> None:
    pairs = draw(make_generator(shift_sd=0.0), n=6)
    area = pairs.mask.sum(dim=(1, 2)) * 25.0
    assert (area > 500).all()
    assert (area < np.pi * 60**2).all()
    assert not (pairs.mask & ~disc(BOX, 60 / 5)).any()
    projections = torch.zeros(1, 9, 9)
    projections[0, 4, 4], projections[0, 4, 5], projections[0, 4, 6] = 10, 5, 0.5
    assert support(projections).sum() == 2


def test_same_seeds_same_pairs(make_generator: Make) -> None:
    generator = make_generator(neighbour_rate=0.6)
    one, again = draw(generator), draw(generator)
    for field in fields(Pairs):
        a, b = getattr(one, field.name), getattr(again, field.name)
        if isinstance(a, torch.Tensor):
            assert torch.equal(a, b)
        elif isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
    assert correlation(one.clean, draw(generator, seed=1).clean) < 0.9


def test_noise_has_a_seed_of_its_own(make_generator: Make) -> None:
    generator = make_generator()
    one, other = draw(generator), draw(generator, noise=1)
    residuals = [pairs.noisy - pairs.clean for pairs in (one, other)]
    assert abs(correlation(*residuals)) < 0.05
    np.testing.assert_array_equal(one.angles, other.angles)
    for k in range(len(one.clean)):
        assert correlation(one.clean[k], other.clean[k]) == pytest.approx(1)


def test_neighbours_change_the_noisy_image_and_not_the_clean_one(make_generator: Make) -> None:
    alone, crowded = (
        draw(make_generator(neighbour_rate=rate, snr_range=(1.0, 1.0))) for rate in (0.0, 2.0)
    )
    differences = []
    for k in range(len(alone.noisy)):
        assert correlation(alone.clean[k], crowded.clean[k]) == pytest.approx(1)
        # In the clean image's own unit the noise is the same; what is left are the neighbours.
        unit = alone.clean[k].std() / crowded.clean[k].std()
        change = unit * (crowded.noisy[k] - crowded.clean[k]) - (alone.noisy[k] - alone.clean[k])
        differences.append(float(change.std()))
    assert sum(d > 0.1 for d in differences) >= 6
    assert sum(d < 1e-3 for d in differences) >= 1  # some have none at a mean of two


def test_neighbours_keep_off_the_particle(
    blob_transform: VolumeTransform, make_generator: Make
) -> None:
    """Without a CTF, what crowds a box leaves the middle of the particle's sphere alone."""
    settings = {"ctf_fraction": 0.0, "shift_sd": 0.0, "snr_range": (1e4, 1e4)}
    pairs = draw(make_generator(blob_transform, neighbour_rate=1.5, **settings), n=24, box=96)
    change = pairs.noisy - pairs.clean
    change = change - change.median(dim=2).values.median(dim=1).values[:, None, None]
    scale = pairs.clean.amax(dim=(1, 2))
    inner = change[:, disc(96, 0.35 * blob_transform.diameter / 2.5)].amax(dim=1) / scale
    whole = change.amax(dim=(1, 2)) / scale
    assert (inner < 0.15).all()
    assert (whole > 0.5).any()


def test_groups_of_images_show_one_volume(make_generator: Make, transform: VolumeTransform) -> None:
    volumes = [transform, VolumeTransform(blob_volume(box=30, pixel_size=5.0))]
    pairs = draw(make_generator(*volumes, group=4), n=18)
    runs = [set(pairs.volume[k : k + 4]) for k in range(0, 18, 4)]
    assert all(len(run) == 1 for run in runs)
    assert set.union(*runs) == {0, 1}


def test_volumes_that_do_not_fit_are_not_used(
    make_generator: Make, transform: VolumeTransform
) -> None:
    large = VolumeTransform(blob_volume(box=64, pixel_size=10.0, points=np.array([[200.0, 0, 0]])))
    assert large.diameter > 0.9 * BOX * 10.0
    generator = make_generator(large, transform)
    pairs = draw(generator, n=20)
    assert set(pairs.volume) == {1}
    assert set(pairs.pixel_size) == {5.0}
    assert set(draw(generator, n=20, box=64).volume) == {0, 1}
    with pytest.raises(IceblockError, match="No volume fits a box of 16 pixels"):
        draw(generator, box=16)
    with pytest.raises(IceblockError, match="at least one volume"):
        PairGenerator([], generator.noise, PairSettings())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"snr_range": (0.0, 1.0)}, "SNR range (0.0, 1.0)"),
        ({"snr_range": (-1.0, 1.0)}, "SNR range"),
        ({"snr_range": (2.0, 1.0)}, "SNR range"),
        ({"snr_range": (0.1, np.inf)}, "SNR range"),
        ({"snr_range": (np.nan, 1.0)}, "SNR range"),
        ({"defocus_range": (20000.0, 10000.0)}, "Defocus range (20000.0, 10000.0)"),
        ({"defocus_range": (np.nan, 10000.0)}, "Defocus range"),
        ({"ctf_fraction": -0.1}, "part of images with a CTF"),
        ({"ctf_fraction": 1.1}, "part of images with a CTF"),
        ({"shift_sd": -1.0}, "cannot be below 0"),
        ({"neighbour_rate": -1.0}, "cannot be below 0"),
        ({"neighbour_rate": np.nan}, "cannot be below 0"),
        ({"group": 0}, "At least one image"),
    ],
)
def test_settings_that_make_no_sense(values: dict[str, object], says: str) -> None:
    with pytest.raises(IceblockError, match=re.escape(says)):
        PairSettings(**values)


def test_settings_at_their_limits_are_fine() -> None:
    PairSettings(snr_range=(0.1, 0.1), ctf_fraction=0, shift_sd=0, neighbour_rate=0, group=1)
    PairSettings(defocus_range=(-1000.0, -1000.0), ctf_fraction=1)


def test_widen_adds_a_margin_on_all_sides() -> None:
    mask = torch.zeros(1, 15, 15, dtype=torch.bool)
    mask[0, 7, 7] = True
    wide = widen(mask, 2)
    assert int(wide.sum()) == 25
    assert wide[0, 5:10, 5:10].all()
    assert torch.equal(widen(mask, 0), mask)
