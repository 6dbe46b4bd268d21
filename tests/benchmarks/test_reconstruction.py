"""What was projected comes back, by our own gridding and by RELION's."""

import os
import shutil
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from torch_fourier_shell_correlation import fsc as their_fsc

from benchmarks.measures import reconstruction
from benchmarks.measures.reconstruction import (
    fsc,
    in_box,
    reconstruct,
    soft_sphere,
    write_particles,
)
from core.compare.views import view_pairs
from core.errors import IceblockError
from core.images.star.particles import StarParticles
from core.signal.agreement import crossing
from core.signal.ctf import random_ctf
from core.simulate.pairs import Pairs
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform, random_angles

PIXEL, BOX, N = 7.0, 24, 250


@pytest.fixture(scope="module")
def truth() -> torch.Tensor:
    return in_box(torch.from_numpy(phantom(3, PIXEL, (95.0, 100.0)).data), BOX)


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    volume = VolumeTransform(phantom(3, PIXEL, (95.0, 100.0)))
    rng = np.random.default_rng(0)
    angles, shifts = random_angles(rng, N), rng.uniform(-2, 2, (N, 2))
    noise = torch.randn(N, BOX, BOX, generator=torch.Generator().manual_seed(0))
    return view_pairs(volume, angles, shifts, random_ctf(rng, N, (8e3, 2e4)), noise, 0.5)


def need(program: str) -> None:
    """Skip without RELION, but never in CI, where that would hide it."""
    if shutil.which(program) is None:
        reason = f"{program} is not on PATH (apt-get install relion)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def inside(volume: torch.Tensor) -> torch.Tensor:
    return volume * soft_sphere(BOX, 8.0, 3.0)


@pytest.mark.parametrize("program", ["direct", pytest.param("relion", marks=pytest.mark.relion)])
def test_poses_shifts_and_ctf_mean_the_same(
    pairs: Pairs, truth: torch.Tensor, program: str
) -> None:
    if program == "relion":
        need("relion_reconstruct")
    given = (pairs.angles, pairs.shifts, pairs.ctf, PIXEL, program)
    clean = reconstruct(pairs.clean, *given)
    assert clean.shape == truth.shape
    curve = fsc(inside(clean), inside(truth))
    assert curve[1:10].min() > 0.93
    noisy = fsc(inside(reconstruct(pairs.noisy, *given)), inside(truth))
    assert crossing(noisy, PIXEL, 0.5) < 26
    assert noisy[1:].mean() < curve[1:].mean()
    wrong = reconstruct(pairs.clean, pairs.angles, -pairs.shifts, pairs.ctf, PIXEL, program)
    assert fsc(inside(wrong), inside(truth))[4:].mean() < curve[4:].mean() - 0.2


@pytest.mark.relion
def test_both_programs_give_the_same_volume(pairs: Pairs) -> None:
    need("relion_reconstruct")
    given = (pairs.noisy, pairs.angles, pairs.shifts, pairs.ctf, PIXEL)
    ours, theirs = (reconstruct(*given, program) for program in ("direct", "relion"))
    assert fsc(inside(ours), inside(theirs))[1:9].min() > 0.9


def test_images_without_a_ctf(pairs: Pairs, truth: torch.Tensor) -> None:
    volume = VolumeTransform(phantom(3, PIXEL, (95.0, 100.0)))
    plain = view_pairs(volume, pairs.angles, pairs.shifts, None, pairs.noisy, 1.0).clean
    found = reconstruct(plain, pairs.angles, pairs.shifts, None, PIXEL, "direct")
    assert fsc(inside(found), inside(truth))[1:10].min() > 0.95


def test_fsc_against_an_independent_library(truth: torch.Tensor) -> None:
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
    other = truth + 0.3 * truth.std() * noise
    ours, theirs = fsc(truth, other), their_fsc(truth, other)
    torch.testing.assert_close(ours[2:-1], theirs[2:-1], rtol=0, atol=0.05)
    torch.testing.assert_close(fsc(truth, 3 * truth), torch.ones(13), rtol=0, atol=1e-5)
    assert not fsc(truth, 0 * truth).any()


@pytest.mark.relion
def test_fsc_is_relions(truth: torch.Tensor, tmp_path: Path) -> None:
    need("relion_image_handler")
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(2))
    other = truth + 0.5 * truth.std() * noise
    for name, data in (("a", truth), ("b", other)):
        with mrcfile.new(tmp_path / f"{name}.mrc") as mrc:
            mrc.set_data(data.numpy())
            mrc.voxel_size = PIXEL
    done = subprocess.run(
        ["relion_image_handler", "--i", "a.mrc", "--fsc", "b.mrc", "--angpix", str(PIXEL)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 4]
    theirs = {int(r[0]): float(r[3]) for r in rows if r[0].isdigit()}
    for ring, value in theirs.items():
        assert fsc(truth, other)[ring].item() == pytest.approx(value, abs=0.01)
    assert len(theirs) > 8


def test_a_soft_sphere() -> None:
    mask = soft_sphere(20, 4.0, 3.0)
    assert mask[10, 10, 14] == 1
    assert mask[10, 10, 17] == 0
    assert 0 < mask[10, 15, 10] < 1


def test_without_relion(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconstruction, "PROGRAM", "relion_not_there")
    few = np.arange(20)
    given = (pairs.clean[few], pairs.angles[few], pairs.shifts[few], pairs.ctf.take(few), PIXEL)
    assert torch.equal(reconstruct(*given), reconstruct(*given, "direct"))
    with pytest.raises(IceblockError, match="relion_not_there is not on PATH"):
        reconstruct(*given, "relion")


def test_what_relion_is_given(pairs: Pairs, tmp_path: Path) -> None:
    few = np.arange(9)
    star = write_particles(tmp_path, pairs.noisy[few], pairs.angles[few], pairs.shifts[few],
                           pairs.ctf.take(few), PIXEL)  # fmt: skip
    particles = StarParticles.read(star)
    assert particles.names[8] == "000009@particles.mrcs"
    columns = particles.ctf()
    assert columns is not None
    for name in ("voltage", "defocus_u", "spherical_aberration", "amplitude_contrast"):
        np.testing.assert_allclose(columns[name], getattr(pairs.ctf, name)[few], rtol=1e-5)
