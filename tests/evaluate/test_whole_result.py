"""The whole result of a set is let through where it is honest, and stopped where it paints."""

from dataclasses import replace

import pytest
import torch

from core.evaluate.einstein import Reference
from core.evaluate.gate import Trial
from core.evaluate.whole_result import Denoise, Whole, whole_checks
from core.noise.source import SpectrumNoise
from core.signal.ctf import CtfParameters
from core.signal.filters import gaussian
from core.signal.spectrum import ice_like_power
from core.simulate.ctf_rows import RandomCtf
from core.simulate.phantoms import phantom
from core.simulate.projection import (
    VolumeTransform,
    crop_centre,
    random_angles,
    rotation_matrices,
)
from core.simulate.superposition import support

BOX, PIXEL = 40, 5.0


@pytest.fixture(scope="module")
def trial() -> Trial:
    other = VolumeTransform(phantom(7_000_000, PIXEL, (90, 120)))
    return Trial((), [other], SpectrumNoise(ice_like_power()), BOX, PIXEL, 40, particles=24)


@pytest.fixture(scope="module")
def taught(trial: Trial) -> Reference:
    volume = VolumeTransform(phantom(1000, PIXEL, (90, 120)))
    angles = random_angles(trial.random(0), 1)
    image = crop_centre(volume.project(rotation_matrices(angles)), BOX)
    return Reference(image[0], support(image)[0])


def smooth(images: torch.Tensor, ctf: CtfParameters | None) -> torch.Tensor:
    return 0.2 * gaussian(images, 1.5)


def painting(picture: torch.Tensor) -> Denoise:
    """Paints what the set has taught into whatever comes."""
    strong = picture / picture.square().mean().sqrt()
    return lambda images, ctf: smooth(images, ctf) + 0.3 * strong


def whole(result: Denoise, taught: Reference) -> Whole:
    return Whole(result, smooth, smooth, (taught,), RandomCtf((10000.0, 20000.0)))


def test_a_result_that_paints_what_was_taught_fails(trial: Trial, taught: Reference) -> None:
    titles: list[str] = []
    checks = whole_checks(whole(painting(taught.image), taught), trial, titles.append)
    assert [check.name for check in checks] == ["whole_noise", "whole_einstein", "whole_structure"]
    assert titles == [check.title for check in checks]
    assert not any(check.passed for check in checks)
    assert {check.tried for check in checks} == {"whole result"}
    assert "drawn towards" in checks[-1].sentence


def test_a_result_that_adds_nothing_passes(trial: Trial, taught: Reference) -> None:
    checks = whole_checks(whole(smooth, taught), trial)
    assert all(check.passed for check in checks)
    assert checks[-1].value == 0


def test_the_ctfs_of_the_set_are_used_where_it_has_some(trial: Trial, taught: Reference) -> None:
    seen: list[CtfParameters | None] = []

    def result(images: torch.Tensor, ctf: CtfParameters | None) -> torch.Tensor:
        seen.append(ctf)
        return smooth(images, ctf)

    checks = whole_checks(whole(result, taught), trial)
    assert all(ctf is not None and ctf.defocus_u.min() > 9000 for ctf in seen)
    seen.clear()
    bare = whole_checks(replace(whole(result, taught), ctf=None), trial)
    assert seen
    assert all(ctf is None for ctf in seen)
    assert bare[0].value == checks[0].value
