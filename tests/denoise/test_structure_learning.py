"""How often the images of a set are compared with its structure."""

import pytest

from core.denoise import structure_learning
from core.denoise.structure_learning import APART, SMALL, STARTS, TOGETHER, apart, looks


@pytest.mark.parametrize("half", [400, 2000, SMALL])
def test_small_halves_have_the_same_iterations(half: int) -> None:
    assert apart(half) == APART


def test_large_halves_have_more() -> None:
    assert apart(2 * SMALL).iterations == 2 * APART.iterations
    assert apart(2 * SMALL).nats == APART.nats


def test_what_is_announced_is_what_is_compared() -> None:
    assert looks(2 * structure_learning.FEWEST - 1) == 0
    assert looks(4000) == STARTS * TOGETHER.looks(4000) + 2 * APART.looks(2000)
    most = structure_learning.MOST
    assert looks(10 * most) == looks(2 * most)
