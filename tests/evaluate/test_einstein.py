"""Alignment to a reference: what moved is moved back, and noise alone gives its faint copy."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluate.einstein import TURNS, Reference, aligned_average, best_places, rotated

BOX = 32


def reference() -> Reference:
    d = torch.arange(BOX) - BOX // 2
    y, x = d[:, None], d[None]
    image = torch.exp(-((y - 2) ** 2 / 30 + (x + 3) ** 2 / 8)) + 0.7 * torch.exp(
        -((y + 6) ** 2 + (x - 4) ** 2) / 6
    )
    return Reference(image, image > 0.08)


@settings(deadline=None, max_examples=10)
@given(angle=st.floats(-math.pi, math.pi))
def test_a_turn_and_back_gives_the_image(angle: float) -> None:
    image = reference().image[None]
    there = rotated(image, torch.tensor([angle]))
    back = rotated(there, torch.tensor([-angle]))
    assert float((back - image).abs().max()) < 0.2
    assert float(there.sum()) == pytest.approx(float(image.sum()), rel=0.05)


def test_a_quarter_turn_is_exact() -> None:
    image = torch.zeros(1, BOX, BOX)
    image[0, BOX // 2 + 5, BOX // 2 + 2] = 1
    turned = rotated(image, torch.tensor([math.pi / 2]))[0]
    place = divmod(int(turned.argmax()), BOX)
    assert place in {(BOX // 2 - 2, BOX // 2 + 5), (BOX // 2 + 2, BOX // 2 - 5)}
    assert float(turned.max()) == pytest.approx(1, abs=1e-4)


def test_places_are_found() -> None:
    angles = torch.arange(TURNS) * (2 * torch.pi / TURNS)
    templates = rotated(reference().image.expand(TURNS, BOX, BOX), angles)
    for turn, dy, dx in ((0, 0, 0), (7, 3, -4), (30, -4, 2)):
        image = torch.roll(templates[turn], (dy, dx), (0, 1))[None]
        assert [int(v) for v in best_places(image, templates, 4)] == [turn, dy, dx]


def test_turned_and_moved_copies_average_to_the_reference() -> None:
    known = reference()
    random = torch.Generator().manual_seed(0)
    turns = torch.randint(TURNS, (40,), generator=random)
    images = rotated(known.image.expand(40, BOX, BOX), turns * (2 * torch.pi / TURNS))
    moves = torch.randint(-3, 4, (40, 2), generator=random).tolist()
    moved = torch.stack([torch.roll(i, m, (0, 1)) for i, m in zip(images, moves, strict=True)])
    noisy = moved + 0.3 * torch.randn(moved.shape, generator=random)
    average = aligned_average(noisy, known)
    assert average.correlation > 0.97
    wanted = float(known.image[known.mask].square().mean().sqrt())
    assert average.norm == pytest.approx(wanted, rel=0.1)


def test_noise_gives_a_copy_that_fades_with_numbers() -> None:
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(256, BOX, BOX, generator=random)
    few, many = (aligned_average(noise[:n], reference()) for n in (16, 256))
    assert many.correlation > 0.5  # the effect is real
    assert many.norm < few.norm
    assert many.norm < 0.25
    assert aligned_average(torch.zeros(4, BOX, BOX), reference()).correlation == 0
