"""What a set's own images tell of an estimate is what the truth says, as surely as it claims."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import pytest
import torch

from core.sets.covariance.background import BackgroundSpectrum
from core.sets.stacking import gathering
from core.sets.stacking.correlation import Sums, gain, resolutions, tell
from core.sets.stacking.evidence import Evidence, Interval, evidence_from
from core.sets.stacking.noise_level import noise_in, spectrum_of_noise
from core.sets.stacking.region import Region, circle, particle, whole
from core.sets.stacking.stein import EPSILON
from core.signal.background import ring_statistics
from core.signal.fourier import smooth
from core.signal.spectrum import noise_with_power

BOX, N = 32, 200
RINGS = BOX // 2 + 1
POWER = 0.5 + 3 * torch.exp(-torch.linspace(0, 5, RINGS))
"""Of the noise, as of ice: more at low frequency."""
INSIDE, EVERYWHERE = circle(BOX, 7.0), whole(BOX)

Estimate = Callable[[torch.Tensor], torch.Tensor]
Set = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def draw(seed: int, strength: float, n: int = N) -> Set:
    """Give normalised images of blobs, their truths, and probes, (n, box, box)."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(*[torch.arange(BOX) - BOX // 2.0] * 2, indexing="ij")
    places = torch.randn(2, n, 1, 1, generator=generator)
    widths = (1.5 + torch.arange(n) % 3 / 2)[:, None, None]
    clean = strength * torch.exp(
        -((y - places[0]).square() + (x - places[1]).square()) / (2 * widths.square())
    )
    noise, probes = (noise_with_power(POWER.expand(n, -1), BOX, generator) for _ in range(2))
    mean, sd = ring_statistics(clean + noise)
    return (clean + noise - mean) / sd, clean / sd, probes / sd


def linear(images: torch.Tensor) -> torch.Tensor:
    return 0.6 * smooth(images, 1.5)


def shrunk(images: torch.Tensor) -> torch.Tensor:
    """Keep what is strong: not linear."""
    soft = smooth(images, 2.0)
    return soft * (soft.square() / (soft.square() + 0.3))


def blind(images: torch.Tensor) -> torch.Tensor:
    """Give pictures that have nothing to do with the images."""
    drawn = torch.randn(images.shape, generator=torch.Generator().manual_seed(5))
    return smooth(drawn, 2.0)


ESTIMATES = (linear, shrunk, blind)


def spectrum(images: torch.Tensor) -> torch.Tensor:
    background = BackgroundSpectrum(BOX)
    background.add(images)
    return spectrum_of_noise(background.power().float(), BOX)


@lru_cache
def known_power() -> torch.Tensor:
    """Give the spectrum of the noise in all that `draw` draws."""
    return spectrum(draw(99, 1.5, 1000)[0])


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw noise of `known_power` for each region once, which takes most of the time."""

    def known(regions: list[Region], power: torch.Tensor) -> list[torch.Tensor]:
        return [_noise_in(region) for region in regions]

    monkeypatch.setattr(gathering, "noise_in", known)


@lru_cache
def _noise_in(region: Region) -> torch.Tensor:
    return noise_in([region], known_power())[0]


def sums_of(drawn: Set, region: Region = INSIDE, others: torch.Tensor | None = None) -> Sums:
    """Collect raw images and all `ESTIMATES`."""
    images, _, probes = drawn
    every = images if others is None else torch.cat([images, others])
    (measured,) = gathering.measured_in([region], every, known_power())
    found, again = (
        torch.stack([e(y) for e in ESTIMATES], dim=1) for y in (images, images + EPSILON * probes)
    )
    raw = gathering.filtered(measured, images, torch.ones(RINGS))
    estimates = gathering.estimated(region, images, probes, found, again)
    return gathering.sums_of(measured, [raw, estimates])


def true_correlations(drawn: Set, region: Region = INSIDE) -> list[float]:
    images, clean, _ = drawn
    truth = region.of(clean)
    found = [region.of(image) for image in (images, *(e(images) for e in ESTIMATES))]

    def product(one: torch.Tensor, other: torch.Tensor) -> float:
        return float(region.products(one, other).sum())

    length = product(truth, truth)
    return [product(e, truth) / (product(e, e) * length) ** 0.5 for e in found]


def test_noise_is_told_from_backgrounds_that_were_normalised() -> None:
    generator = torch.Generator().manual_seed(3)
    noise = noise_with_power(POWER.expand(2000, -1), BOX, generator)
    mean, sd = ring_statistics(noise)
    images = (noise - mean) / sd
    told = noise_in([INSIDE], spectrum(images))[0]
    spectra = INSIDE.of(images)
    there = INSIDE.products(spectra, spectra).mean(0)
    assert abs(float(told.sum() / there.sum()) - 1) < 0.01


def test_leakage_tells_where_the_power_of_noise_goes() -> None:
    generator = torch.Generator().manual_seed(4)
    noise = noise_with_power(POWER.expand(2000, -1), BOX, generator)
    spectra = torch.fft.rfft2(noise * INSIDE.weight)
    there = INSIDE.products(spectra, spectra).mean(0)
    told = INSIDE.leakage() @ POWER.double()
    torch.testing.assert_close(told[:-2], there[:-2], rtol=0.08, atol=0.0)


def correlations(sums: Sums) -> list[Interval | None]:
    return [told.correlation for told in tell("abcd", sums, sums)]


@pytest.mark.parametrize(("region", "near"), [(INSIDE, 0.03), (EVERYWHERE, 0.06)])
def test_many_images_tell_the_correlation_with_the_truth(region: Region, near: float) -> None:
    drawn = draw(1, 1.5, 1000)
    told = correlations(sums_of(drawn, region))
    for one, true in zip(told, true_correlations(drawn, region), strict=True):
        assert one is not None
        assert abs(one.value - true) < near
        assert one.low <= one.value <= one.high


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held, all_told = 0, 0
    for seed in range(20):
        drawn = draw(100 + seed, 1.5)
        for one, true in zip(correlations(sums_of(drawn)), true_correlations(drawn), strict=True):
            assert one is not None
            held += one.low <= true <= one.high
            all_told += 1
    assert held >= 0.9 * all_told


def test_a_gain_is_told_more_surely_than_two_correlations() -> None:
    """What is uncertain of both estimates is no doubt of their difference."""
    held, narrower = 0, 0
    for seed in range(10):
        drawn = draw(200 + seed, 1.5)
        sums, true = sums_of(drawn), true_correlations(drawn)
        told, one, other = gain(sums, 2, 1), *correlations(sums)[1:3]
        assert told is not None
        assert one is not None
        assert other is not None
        held += told.low <= true[2] - true[1] <= told.high
        narrower += told.high - told.low < min(each.high - each.low for each in (one, other))
        back = gain(sums, 1, 2)
        assert back is not None
        assert back.value == pytest.approx(-told.value)
    assert held >= 8
    assert narrower == 10
    assert gain(sums_of(draw(7, 0.0)), 2, 1) is None


def test_an_estimate_that_has_seen_nothing_is_told_nothing() -> None:
    drawn = draw(2, 1.5, 1000)
    told, true = correlations(sums_of(drawn))[-1], true_correlations(drawn)[-1]
    assert told is not None
    assert told.low <= true <= told.high
    assert abs(told.value) < 0.06


def test_images_of_noise_tell_nothing() -> None:
    assert correlations(sums_of(draw(7, 0.0))) == [None] * 4


def test_a_scale_changes_no_correlation_and_truth_is_worth_its_noise() -> None:
    sums = sums_of(draw(8, 2.0))
    twice = replace(sums, seen=2 * sums.seen, blurred=2 * sums.blurred, squares=4 * sums.squares)
    for one, other in zip(correlations(twice), correlations(sums), strict=True):
        assert one == pytest.approx(other)
    told = tell(["raw", "linear", "shrunk", "blind"], sums, sums)
    assert told[0].noise_removed.value == pytest.approx(0, abs=1e-6)
    assert 0.5 < told[1].noise_removed.value < 1


def test_a_particle_is_where_images_show_more_than_their_background() -> None:
    images, clean, _ = draw(9, 2.0, 500)
    region = particle(images)
    assert region.radius is not None
    assert 4 < region.radius < 11
    energy = clean.square().sum()
    assert float((clean * region.weight).square().sum() / energy) > 0.95


def test_evidence_survives_a_record() -> None:
    sums = sums_of(draw(10, 1.5))
    told = tell(["raw", "linear", "shrunk", "blind"], sums, sums)
    made = Evidence(len(sums), 28.0, 4.0, resolutions(RINGS, 4.0), told)
    again = evidence_from(made.plain())
    assert again.plain() == made.plain()
    assert again.of("linear").correlation == pytest.approx(made.of("linear").correlation, abs=1e-4)
    assert tell(["raw", "linear", "shrunk", "blind"], sums, sums) == told


def test_further_images_make_it_surer() -> None:
    drawn, others = draw(11, 1.0), draw(12, 1.0, 1000)[0]
    few, many = correlations(sums_of(drawn)), correlations(sums_of(drawn, others=others))
    true = true_correlations(drawn)
    for alone, helped, there in zip(few[:3], many[:3], true[:3], strict=True):
        assert alone is not None
        assert helped is not None
        assert helped.high - helped.low < alone.high - alone.low
        assert abs(helped.value - there) < 0.05


def test_a_correlation_that_cannot_be_is_not_told() -> None:
    """The signal is taken for a fifth of what it is; linear estimates then agree too well."""
    sums = sums_of(draw(7, 1.5))
    signal = (sums.image - sums.noise).mean(0)
    less = replace(sums, image=sums.image - 0.8 * signal)
    names = ["raw", "linear", "shrunk", "blind"]
    usual = tell(names, sums, sums)
    assert all(one.correlation is not None for one in usual)
    found = {one.name: one.correlation for one in tell(names, less, sums)}
    assert found["linear"] is None
    assert found["blind"] is not None
