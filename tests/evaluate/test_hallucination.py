"""The gate lets honest methods through and stops those that draw from memory."""

from dataclasses import replace

import pytest
import torch

from core.evaluate.gate import Check, Trial
from core.evaluate.hallucination import (
    doubling_check,
    noise_checks,
    phase_check,
    references,
    run_gate,
    structure_check,
)
from core.noise.source import SpectrumNoise
from core.signal.filters import gaussian
from core.signal.spectrum import ice_like_power, radial_power, with_random_phases
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

BOX, PIXEL = 40, 5.0


@pytest.fixture(scope="module")
def trial() -> Trial:
    volumes = [VolumeTransform(phantom(seed, PIXEL, (90, 120))) for seed in (1000, 7_000_000)]
    noise = SpectrumNoise(ice_like_power())
    return Trial(volumes[:1], volumes[1:], noise, BOX, PIXEL, noise_images=60, particles=24)


def honest(images: torch.Tensor) -> torch.Tensor:
    """A low-pass filter that answers weak images weakly, as a posterior mean does."""
    smooth = gaussian(images, 1.5)
    power = smooth.square().mean(dim=(1, 2), keepdim=True)
    floor = 0.35
    return smooth * ((power - floor) / power).clamp(min=0.0)


def memory(trial: Trial):
    """Paint a known projection into whatever comes."""
    known = references(trial)[0].image
    known = known / known.square().mean().sqrt()

    def method(images: torch.Tensor) -> torch.Tensor:
        return 0.3 * known.expand_as(images) + 0.01 * images

    return method


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_painting_a_known_structure_is_found_by_every_check_of_it(trial: Trial) -> None:
    found = by_name(run_gate(memory(trial), trial))
    assert list(found) == ["noise", "einstein", "structure", "phases", "doubling"]
    assert found["noise"].value == pytest.approx(0.3, abs=0.02)
    for name in ("noise", "einstein", "structure", "doubling"):
        assert not found[name].passed, name
    assert found["einstein"].numbers["correlation_denoised"] > 0.95
    assert found["doubling"].value < 1.05


def test_a_filter_does_not_know_structures(trial: Trial) -> None:
    titles: list[str] = []
    found = by_name(run_gate(lambda images: gaussian(images, 1.5), trial, titles.append))
    assert len(titles) == 5
    assert found["structure"].passed
    assert found["phases"].passed
    assert found["doubling"].value == pytest.approx(2, abs=0.25)
    assert found["einstein"].value < 1.05  # it only makes the same average smoother
    assert not found["noise"].passed  # but a filter leaves much of the noise


def test_an_honest_denoiser_passes_where_noise_comes_in(trial: Trial) -> None:
    found = by_name(noise_checks(honest, trial))
    assert found["noise"].value == pytest.approx(
        float(_rms(honest(_noise(trial))) / _rms(_noise(trial))), rel=1e-4
    )
    assert found["einstein"].passed


def test_details_from_memory_are_found(trial: Trial) -> None:
    pairs = trial.pairs(trial.seen, 1.0, 4)
    truths = iter([pairs.clean] * 2)
    assert not phase_check(_all_at_once(lambda images: next(truths)), trial)[0].passed
    assert phase_check(lambda images: images, trial)[0].passed


def _all_at_once(method):
    """A method that must not be given its images in parts."""
    kept: list[torch.Tensor] = []

    def whole(images: torch.Tensor) -> torch.Tensor:
        if not kept:
            kept.extend(torch.split(method(images), 32))
        return kept.pop(0)

    return whole


def test_only_phases_beyond_the_limit_change(trial: Trial) -> None:
    images = _noise(trial)[:5]
    mixed = with_random_phases(images, 0.2, torch.Generator().manual_seed(0))
    before, after = torch.fft.rfft2(images), torch.fft.rfft2(mixed)
    fy, fx = torch.fft.fftfreq(BOX), torch.fft.rfftfreq(BOX)
    low = (fy[:, None] ** 2 + fx**2).sqrt() <= 0.2
    torch.testing.assert_close(before[:, low], after[:, low], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(radial_power(images), radial_power(mixed), rtol=0.1, atol=0.05)
    high = ~low
    agree = (before[:, high] * after[:, high].conj()).real.sum() / before[
        :, high
    ].abs().square().sum()
    assert abs(float(agree)) < 0.05


def test_the_same_trial_gives_the_same_verdicts(trial: Trial) -> None:
    small = replace(trial, particles=8)

    def smooth(images: torch.Tensor) -> torch.Tensor:
        return gaussian(images, 1.0)

    for check in (structure_check, doubling_check):
        assert check(smooth, small) == check(smooth, small)
        assert check(smooth, small) != check(smooth, replace(small, seed=1))


def test_a_verdict_needs_a_number() -> None:
    check = Check("x", "X", float("nan"), 0.1, "at most", "")
    assert not check.passed
    assert not replace(check, side="at least").passed
    assert replace(check, value=0.1).passed
    assert check.record()["passed"] is False


def _noise(trial: Trial) -> torch.Tensor:
    noise = trial.noise.draw(trial.noise_images, trial.box, trial.generator(1))
    return noise / noise.std(dim=(1, 2), keepdim=True, correction=0)


def _rms(images: torch.Tensor) -> torch.Tensor:
    return images.square().mean().sqrt()
