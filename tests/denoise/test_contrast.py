import os
from pathlib import Path

import numpy as np
import pytest

from core.denoise.contrast import Verdict, judge, radial_profiles, weigh
from core.images.mrc.reader import read_images
from core.images.particles import read_particles
from core.images.validation import validate

WHITE, BLACK = Verdict(1, doubtful=False), Verdict(-1, doubtful=False)
REAL = ["empiar10146_apoferritin", "empiar10028_80S", "empiar10059_trpv1"]


def particles(sign: float, shape: str, n: int = 100, box: int = 48, seed: int = 1) -> np.ndarray:
    d = np.arange(box) - box // 2
    r = np.hypot(d[:, None], d)
    blob = np.exp(-(r**2) / 50)
    signal = {
        "blob": blob,
        "hollow": np.exp(-((r - 11) ** 2) / 8) - 0.3 * np.exp(-(r**2) / 20),
        "fringes": np.exp(-(r**2) / 60) * 1.2 - 0.7 * np.exp(-((r - 12) ** 2) / 12),
        "rim": np.exp(-((r - 9) ** 2) / 6) - 0.6 * np.exp(-((r - 14) ** 2) / 8),
    }[shape]
    noise = np.random.default_rng(seed).standard_normal((n, box, box))
    return (0.5 * sign * signal + noise).astype(np.float32)


def profiles(*arguments: object, **more: int) -> np.ndarray:
    return radial_profiles(particles(*arguments, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", ["blob", "hollow", "fringes", "rim"])
def test_contrast_is_told(shape: str, sign: int) -> None:
    assert judge([profiles(sign, shape, n=400)]) == [Verdict(sign, doubtful=False)]


def test_hot_pixels_tell_nothing() -> None:
    images = particles(-1, "blob", n=60)
    spoiled = images.copy()
    spoiled[:, 20, 22] = 160
    np.testing.assert_allclose(radial_profiles(spoiled), radial_profiles(images), atol=0.2)
    assert judge([radial_profiles(spoiled)]) == judge([radial_profiles(images)])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 40, 400])
@pytest.mark.parametrize("sign", [1, -1])
def test_few_images_are_told_rightly_or_doubtful(n: int, sign: int) -> None:
    for seed in range(20):
        for shape in ("blob", "rim"):
            (found,) = judge([profiles(sign, shape, n=n, seed=seed)])
            assert found.sign == sign or found.doubtful, (shape, seed)


def test_without_particles_it_is_doubtful_and_white() -> None:
    noise = [profiles(0, "blob", n=60, seed=seed) for seed in range(10)]
    assert judge(noise) == [Verdict(1, doubtful=True)] * 10
    assert judge([radial_profiles(np.zeros((4, 32, 32), np.float32))]) == [Verdict(1, True)]
    assert judge([]) == []


def test_each_stack_of_a_join_is_told() -> None:
    white = [profiles(1, "blob", n=60, seed=seed) for seed in range(4)]
    black = [profiles(-1, "blob", n=60, seed=seed) for seed in range(4, 6)]
    assert judge([*white, *black]) == [WHITE] * 4 + [BLACK] * 2
    few = profiles(-1, "blob", n=12, seed=9)
    assert judge([*white, few])[4] in (BLACK, Verdict(-1, doubtful=True), Verdict(1, doubtful=True))


def test_a_small_stack_is_taken_as_the_others() -> None:
    stacks = [profiles(-1, "blob", n=80), *(profiles(-1, "blob", n=3, seed=k) for k in range(5))]
    assert {verdict.sign for verdict in judge(stacks)} == {-1}
    assert judge(stacks)[0] == BLACK


def test_many_small_stacks_of_another_colour_are_told() -> None:
    stacks = [profiles(-1 if k < 25 else 1, "blob", n=3, seed=k) for k in range(100)]
    found = judge(stacks)
    assert sum(v.sign == 1 and not v.doubtful for v in found[:25]) <= 2
    assert sum(v.sign == -1 for v in found[:25]) >= 10
    assert found.count(WHITE) >= 70
    assert judge([profiles(1, "blob", n=3, seed=k) for k in range(100)]) == [WHITE] * 100


def real(name: str) -> list[np.ndarray]:
    """Profiles of each stack of a real project; the test is left out where there are none."""
    if "ICEBLOCK_TEST_DATA" not in os.environ:
        pytest.skip("no test data")
    star = Path(os.environ["ICEBLOCK_TEST_DATA"], "projects", name, "Extract/job003/particles.star")
    found = read_particles(star)
    return [
        radial_profiles(read_images(stack, np.arange(min(150, stack.n_images))))
        for stack in validate(found)
    ]


@pytest.mark.parametrize("name", REAL)
def test_real_particles_and_their_inverse(name: str) -> None:
    stacks = real(name)
    for sign in (1, -1):
        assert judge([sign * p for p in stacks]) == [Verdict(sign, doubtful=False)] * len(stacks)
    everything = np.concatenate(stacks)
    draw = np.random.default_rng(0)
    for n in (3, 10, 40):
        for _ in range(50):
            some = everything[draw.permutation(len(everything))[:n]]
            for sign in (1, -1):
                (found,) = judge([sign * some])
                assert found.sign == sign or found.doubtful
                assert weigh(some).excess >= 0


@pytest.mark.parametrize("name", REAL)
def test_a_join_of_real_particles(name: str) -> None:
    stacks = real(name)
    mixed = [p if k % 2 else -p for k, p in enumerate(stacks)]
    for k, found in enumerate(judge(mixed)):
        assert found.sign == (1 if k % 2 else -1) or found.doubtful


def test_many_small_stacks_of_real_particles_turned_black_are_told() -> None:
    everything = np.concatenate(real("empiar10028_80S"))
    draw = np.random.default_rng(2)
    for _ in range(10):
        stacks = everything[draw.permutation(len(everything))[:300]].reshape(100, 3, -1)
        assert judge([*stacks]) == [WHITE] * 100
        found = judge([*-stacks[:25], *stacks[25:]])
        assert found[:25].count(WHITE) <= 1
        assert found[25:].count(WHITE) == 75


@pytest.mark.parametrize("name", REAL)
def test_few_black_particles_in_a_join_are_never_taken_for_white_without_a_word(name: str) -> None:
    everything = np.concatenate(real(name))
    draw = np.random.default_rng(1)
    silent = raised = 0
    for _ in range(20):
        some = everything[draw.permutation(len(everything))[:162]]
        for few in (5, 12):
            black, more = -some[150 : 150 + few], some[150 : 150 + few]
            silent += judge([some[:150], black])[1] == WHITE
            raised += judge([some[:150], more]) == [WHITE, Verdict(1, doubtful=True)]
    assert (silent, raised) == (0, 0)
