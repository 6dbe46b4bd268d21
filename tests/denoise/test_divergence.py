import math

import pytest

from core.denoise.training.divergence import PATIENCE, Watchdog, require_finite
from core.errors import IceblockError


def healthy(discriminator: float = 0.4, pixel: float = 0.5) -> dict[str, float]:
    return {"pixel": pixel, "zero": 1.0, "discriminator": discriminator}


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(("name", "says"), [("loss", "the loss"), ("gradient", "the gradient")])
def test_numbers_that_are_none_are_named(name: str, says: str, value: float) -> None:
    require_finite({name: 1.0}, 7, 1e-3)
    with pytest.raises(IceblockError, match=rf"step 7: {says}.*--learning-rate 0\.0005"):
        require_finite({name: value}, 7, 1e-3)


def test_an_error_that_explodes_is_named() -> None:
    dog = Watchdog()
    for pixel in (1.0, 0.6, 0.5, 4.0):
        assert dog.look(healthy(pixel=pixel), 50, 10, 1e-3) is None
    with pytest.raises(IceblockError, match="step 20: the error is 12 times its least"):
        dog.look(healthy(pixel=6.0), 50, 20, 1e-3)


def test_a_network_that_starts_far_off_is_given_time() -> None:
    """One that adds its input to its output begins with an error far above that of zero."""
    dog = Watchdog()
    for pixel in (90.0, 30.0, 5.0, 0.9):
        assert dog.look(healthy(pixel=pixel), 50, 10, 1e-3) is None


@pytest.mark.parametrize(("loss", "says"), [(0.001, "has won"), (math.log(2), "has collapsed")])
def test_a_collapsed_discriminator_is_named_once(loss: float, says: str) -> None:
    dog = Watchdog()
    said = [dog.look(healthy(loss), 50, 10, 1e-3) for _ in range(3 * PATIENCE)]
    assert [k for k, sentence in enumerate(said) if sentence] == [PATIENCE - 1]
    assert says in str(said[PATIENCE - 1])


def test_a_discriminator_that_comes_back_is_left_alone() -> None:
    dog = Watchdog()
    for k in range(5 * PATIENCE):
        loss = 0.3 if k % PATIENCE == PATIENCE - 1 else 0.001
        assert dog.look(healthy(loss), 50, 10, 1e-3) is None


def test_single_steps_say_too_little() -> None:
    dog = Watchdog()
    dog.look(healthy(), 50, 10, 1e-3)
    assert dog.look(healthy(pixel=500.0), 2, 12, 1e-3) is None
