"""What is told without the truth agrees with the truth, and estimates that do harm get nothing."""

from dataclasses import replace

import pytest
import torch

from core.sets.stacking.combination import Weights, combined, hats, parts, strength
from core.sets.stacking.stein import EPSILON, Products, in_rings, products
from core.sets.stacking.weights import best_weights
from core.signal.fourier import fourier_resize, smooth
from core.signal.spectrum import noise_with_power

N, BOX = 240, 32
RINGS = BOX // 2 + 1
POWER = 0.5 + 4 * torch.exp(-torch.linspace(0, 5, RINGS))
"""Of the noise, as of ice: more at low frequency."""


@pytest.fixture(scope="module")
def seen() -> dict[str, torch.Tensor]:
    """Particles that are smooth blobs of three shapes, their noise, and probes."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(*[torch.arange(BOX) - BOX // 2.0] * 2, indexing="ij")
    widths = 2 + torch.arange(N) % 3
    clean = 4 * torch.exp(-(y.square() + x.square()) / (2 * widths[:, None, None] ** 2))
    noise, probes = (noise_with_power(POWER.expand(N, -1), BOX, generator) for _ in range(2))
    return {"clean": clean, "noisy": clean + noise, "probes": probes}


def safe_estimate(images: torch.Tensor) -> torch.Tensor:
    return 0.6 * smooth(images, 1.5)


def good(images: torch.Tensor) -> torch.Tensor:
    """Shrink where little is to be seen: not linear, and better."""
    soft = smooth(images, 2.0)
    return soft * (soft.square() / (soft.square() + 0.3))


def harmful(images: torch.Tensor) -> torch.Tensor:
    return images.flip(-1) * 0.5


def told(seen: dict[str, torch.Tensor], *estimates: object) -> Products:
    noisy, again = seen["noisy"], seen["noisy"] + EPSILON * seen["probes"]
    first, second = (
        parts([e(images) for e in estimates])  # type: ignore[operator]
        for images in (noisy, again)
    )
    return products(noisy, seen["probes"], first, second)


def error(seen: dict[str, torch.Tensor], images: torch.Tensor) -> float:
    return float((images - seen["clean"]).square().sum(dim=(1, 2)).mean())


def test_rings_add_up_to_the_products_of_pixels() -> None:
    one, other = torch.randn(2, 3, BOX, BOX, generator=torch.Generator().manual_seed(1))
    a, b = torch.fft.rfft2(one), torch.fft.rfft2(other)
    sums = in_rings((a * b.conj()).real, RINGS).sum(-1)
    torch.testing.assert_close(sums, (one * other).sum(dim=(1, 2)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("estimate", [safe_estimate, good, harmful])
def test_products_with_the_truth_are_told_without_it(
    seen: dict[str, torch.Tensor], estimate: object
) -> None:
    made = told(seen, estimate)
    without = (made.still - made.moved).sum(0)[0]
    found = torch.fft.rfft2(estimate(seen["noisy"]))  # type: ignore[operator]
    truth = torch.fft.rfft2(seen["clean"])
    with_truth = in_rings((found * truth.conj()).real, RINGS).sum(0)
    assert abs(float(without.sum()) / float(with_truth.sum()) - 1) < 0.1
    low = slice(1, 6)
    assert abs(float(without[low].sum()) / float(with_truth[low].sum()) - 1) < 0.1


def test_the_result_is_at_least_as_good_as_its_best_part(seen: dict[str, torch.Tensor]) -> None:
    weights = best_weights(told(seen, safe_estimate, good), ("safe", "good"))
    found = parts([safe_estimate(seen["noisy"]), good(seen["noisy"])])
    alone = min(error(seen, safe_estimate(seen["noisy"])), error(seen, good(seen["noisy"])))
    assert error(seen, combined(found, weights)) < alone


def test_an_estimate_that_does_harm_costs_nothing(seen: dict[str, torch.Tensor]) -> None:
    noisy = seen["noisy"]
    alone = best_weights(told(seen, safe_estimate), ("safe",))
    both = best_weights(told(seen, safe_estimate, harmful), ("safe", "harmful"))
    without = error(seen, combined(parts([safe_estimate(noisy)]), alone))
    found = parts([safe_estimate(noisy), harmful(noisy)])
    assert error(seen, combined(found, both)) < 1.02 * without


def test_safe_weights_give_the_first_estimate() -> None:
    estimates = [torch.randn(2, BOX, BOX), torch.randn(2, BOX // 2, BOX // 2)]
    found = parts(estimates)
    table = torch.tensor([1.0, 0.0])[None, :, None].expand(1, 2, RINGS)
    made = combined(found, Weights(("one", "other"), torch.zeros(1), table))
    torch.testing.assert_close(made, estimates[0], atol=1e-5, rtol=1e-4)


def test_a_coarser_estimate_says_nothing_of_finer_detail() -> None:
    estimates = [torch.randn(2, BOX, BOX), torch.randn(2, BOX // 2, BOX // 2)]
    apart = parts(estimates)[:, 1]
    torch.testing.assert_close(fourier_resize(fourier_resize(apart, BOX // 2), BOX), apart)


def test_weights_between_strengths_lie_between() -> None:
    knots = torch.tensor([-3.0, -2.0, -1.0])
    values = torch.tensor([-9.0, -3.0, -2.5, -1.25, 0.0])
    expected = [[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0], [0, 0.25, 0.75], [0, 0, 1]]
    torch.testing.assert_close(hats(values, knots), torch.tensor(expected).float())


def test_nothing_stays_nothing() -> None:
    empty = torch.zeros(3, BOX, BOX)
    weights = Weights(("a", "b"), torch.tensor([-3.0, -1.0]), torch.ones(2, 2, RINGS))
    assert not combined(parts([empty, empty]), weights).any()
    assert torch.isfinite(strength(empty)).all()


def test_estimates_that_agree_do_not_take_off_the_safe_one(seen: dict[str, torch.Tensor]) -> None:
    """Else an image of something else would come out as its opposite."""

    def weak(images: torch.Tensor) -> torch.Tensor:
        return 0.4 * good(images)

    def weaker(images: torch.Tensor) -> torch.Tensor:
        return 0.35 * good(images)

    table = best_weights(told(seen, safe_estimate, weak, weaker), ("safe", "a", "b")).table
    assert bool((table[:, 1:].sum(1) <= table[:, 0].clamp(min=0) + 1e-5).all())


def test_errors_of_the_noise_in_single_rings_do_not_lead_astray(
    seen: dict[str, torch.Tensor],
) -> None:
    """Probes that are 5 % too strong in every other ring, and too weak in the others."""
    errors = torch.tensor([1.05, 0.95]).repeat(RINGS)[:RINGS]
    right = told(seen, safe_estimate, good)
    wrong = replace(right, probe=right.probe * errors, probed=right.probed * errors)
    weights = best_weights(wrong, ("safe", "good"))
    found = parts([safe_estimate(seen["noisy"]), good(seen["noisy"])])
    alone = min(error(seen, each(seen["noisy"])) for each in (safe_estimate, good))
    assert error(seen, combined(found, weights)) < 0.8 * alone
