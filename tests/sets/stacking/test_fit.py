"""Images that fit what their set says of them less than is usual get less of it."""

import pytest
import torch

from core.sets.stacking.fit import FEWEST, Fit, Usual, usual, usual_from

N = 600


def members(seed: int = 0) -> Fit:
    """Images whose evidence for the views is about a third of that for the safe estimate."""
    generator = torch.Generator().manual_seed(seed)
    other = 20 + 60 * torch.rand(N, generator=generator)
    return Fit(other * (0.3 + 0.05 * torch.randn(N, generator=generator)), other)


def known() -> Usual:
    found = usual(members())
    assert found is not None
    return found


def test_most_images_of_a_set_are_left_as_they_are() -> None:
    share = known().share(members(1))
    assert float((share == 1).float().mean()) > 0.85
    assert float(share.mean()) > 0.95


@pytest.mark.parametrize("strength", [20.0, 50.0, 79.0])
def test_an_image_of_something_else_gets_nothing(strength: float) -> None:
    other = torch.full((3,), strength)
    ratio = torch.tensor([0.05, -2.0, 0.3])
    assert known().share(Fit(ratio * other, other)).tolist() == [0, 0, 1]


def test_nothing_is_known_of_much_stronger_images() -> None:
    other = torch.tensor([79.0, 300.0])
    assert known().share(Fit(0.3 * other, other)).tolist() == [1, 0]


def test_pictures_of_noise_get_nothing() -> None:
    assert known().share(Fit(torch.tensor([-8.0]), torch.tensor([-0.5]))).tolist() == [0]


def test_what_is_usual_needs_images_and_may_have_one_strength() -> None:
    fit = members()
    assert usual(Fit(fit.evidence[: FEWEST - 1], fit.other[: FEWEST - 1])) is None
    alike = usual(Fit(torch.linspace(0, 1, 100), torch.full((100,), 5.0)))
    assert alike is not None
    assert len(alike.strengths) == 1


def test_numbers_are_read_as_they_were() -> None:
    table = known().table()
    assert torch.equal(usual_from(table).table(), table)
    with pytest.raises(ValueError, match="out of range"):
        usual_from(table.flip(1))
    with pytest.raises(ValueError, match="out of range"):
        usual_from(table[[0, 2, 1, 3]])
