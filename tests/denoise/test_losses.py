import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.denoise.paper.losses import LossSettings, discriminator_loss, generator_loss, pixel_error
from core.errors import IceblockError

L1 = LossSettings(pixel="l1", snr_weighted=False)


def images(seed: int, n: int = 3, box: int = 8) -> torch.Tensor:
    return torch.randn(n, box, box, generator=torch.Generator().manual_seed(seed))


def test_equation_6_is_the_mean_absolute_difference() -> None:
    one, other = images(0), images(1)
    expected = (one - other).abs().mean()
    assert float(pixel_error(one, other, torch.ones(3), L1)) == pytest.approx(float(expected))


@settings(deadline=None, max_examples=10)
@given(factor=st.floats(0.01, 100), weakness=st.floats(0.1, 1))
def test_an_snr_weight_makes_weak_particles_count_as_strong_ones(
    factor: float, weakness: float
) -> None:
    """An image scaled down has its SNR scaled by the square; the weighted error stays."""
    clean, output = images(0, 1), images(1, 1)
    strong = torch.tensor([factor])
    least = LossSettings().weakest
    weak = (strong + least) * weakness**2 - least
    for pixel in ("mse", "l1"):
        s = LossSettings(pixel=pixel)
        one = pixel_error(output, clean, strong, s)
        other = pixel_error(output * weakness, clean * weakness, weak, s)
        torch.testing.assert_close(one, other, rtol=1e-3, atol=0)


def test_the_default_is_the_squared_error_over_the_snr() -> None:
    clean, output, snr = images(0), images(1), torch.tensor([1.0, 0.1, 0.01])
    expected = ((output - clean) ** 2).mean(dim=(1, 2)) / (snr + LossSettings().weakest)
    torch.testing.assert_close(pixel_error(output, clean, snr, LossSettings()), expected.mean())


def test_equation_5_at_known_answers() -> None:
    blind = torch.zeros(2, 1, 3, 3)
    assert float(discriminator_loss(blind, blind)) == pytest.approx(math.log(2))
    assert float(generator_loss(blind)) == pytest.approx(math.log(2))
    sure = torch.full((2, 1, 3, 3), 20.0)
    assert float(discriminator_loss(sure, -sure)) < 1e-6
    assert float(discriminator_loss(-sure, sure)) == pytest.approx(20.0)
    assert float(generator_loss(sure)) < 1e-6


def test_the_generator_and_the_discriminator_pull_apart() -> None:
    fake = torch.zeros(1, 1, 2, 2, requires_grad=True)
    (up,) = torch.autograd.grad(generator_loss(fake), fake)
    (down,) = torch.autograd.grad(discriminator_loss(torch.zeros(1, 1, 2, 2), fake), fake)
    assert (up < 0).all()
    assert (down > 0).all()


def test_the_generator_still_learns_where_it_has_lost() -> None:
    """log(1 - D) would saturate here."""
    fake = torch.full((1, 1, 1, 1), -15.0, requires_grad=True)
    (slope,) = torch.autograd.grad(generator_loss(fake), fake)
    assert float(slope) == pytest.approx(-1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pixel": "l2"}, "'l2' is unknown"),
        ({"perceptual": "alexnet"}, "'alexnet' is unknown"),
        ({"adversarial": -1.0}, "cannot be below 0"),
        ({"pixel_weight": math.inf}, "infinite"),
        ({"pixel": "none"}, "needs the pixels"),
        ({"pixel_weight": 0.0}, "needs the pixels"),
        ({"pixel": "none", "adversarial": 1.0, "perceptual": "random"}, "weighed against"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, object], says: str) -> None:
    with pytest.raises(IceblockError, match=says):
        replace(LossSettings(), **changes)


def test_an_adversarial_loss_alone_is_allowed() -> None:
    """The paper's unsupervised baseline."""
    assert not LossSettings(pixel="none", adversarial=1.0).has_pixels
