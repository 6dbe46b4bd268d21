"""Our conventions are RELION's: its own programs give the same numbers and the same structure."""

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pandas as pd
import pytest
import starfile
import torch

from core.signal.background import ring_statistics
from core.signal.ctf import CtfParameters, ctf_images, random_ctf
from core.signal.fourier import fourier_resize
from core.simulate.dataset import write_dataset
from core.simulate.pairs import PairGenerator
from core.simulate.phantoms import phantom
from core.simulate.projection import (
    VolumeTransform,
    random_angles,
    rotation_matrices,
    shift_spectra,
    to_images,
)
from core.simulate.volumes import Volume

from .shapes import axis, centred, correlation, write_map, write_stack

pytestmark = pytest.mark.relion

Relion = Callable[..., str]
N = 6
PIXEL = 4.0


def smooth_volume() -> Volume:
    """A phantom without the highest frequencies, where interpolation is least exact."""
    volume = phantom(2, PIXEL, (110.0, 130.0), resolution=20.0)
    return Volume(centred(volume.data, 48), PIXEL, "smooth")


def difficult_ctf() -> CtfParameters:
    """Astigmatism of either sign, and phase plates."""
    usual = random_ctf(np.random.default_rng(1), N, (8000.0, 25000.0))
    astigmatism = np.array([900.0, -900.0, 50.0, -2000.0, 0.0, 300.0])
    return CtfParameters(
        defocus_u=usual.defocus_u + astigmatism,
        defocus_v=usual.defocus_v,
        defocus_angle=usual.defocus_angle,
        voltage=np.full(N, 300.0),
        spherical_aberration=np.full(N, 2.7),
        amplitude_contrast=np.full(N, 0.1),
        phase_shift=np.array([0.0, 0.0, 0.0, 30.0, 90.0, 120.0]),
    )


def write_poses(
    path: Path, box: int, angles: np.ndarray, origins: np.ndarray, ctf: CtfParameters
) -> None:
    optics = {
        "rlnOpticsGroupName": "opticsGroup1",
        "rlnOpticsGroup": 1,
        "rlnVoltage": 300.0,
        "rlnSphericalAberration": 2.7,
        "rlnAmplitudeContrast": 0.1,
        "rlnImagePixelSize": PIXEL,
        "rlnImageSize": box,
        "rlnImageDimensionality": 2,
    }
    particles = {
        "rlnAngleRot": angles[:, 0],
        "rlnAngleTilt": angles[:, 1],
        "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": origins[:, 1],
        "rlnOriginYAngst": origins[:, 0],
        "rlnDefocusU": ctf.defocus_u,
        "rlnDefocusV": ctf.defocus_v,
        "rlnDefocusAngle": ctf.defocus_angle,
        "rlnPhaseShift": ctf.phase_shift,
        "rlnOpticsGroup": 1,
        "rlnImageName": [f"{k + 1:06d}@none.mrcs" for k in range(len(angles))],
    }
    starfile.write({"optics": pd.DataFrame([optics]), "particles": pd.DataFrame(particles)}, path)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


@pytest.mark.parametrize("pixel_size", [1.2, 1.6, 2.0, 2.25])
def test_resampling(relion: Relion, tmp_path: Path, pixel_size: float) -> None:
    """Below both Nyquist frequencies; beyond, RELION keeps the corners of what we leave out."""
    images = np.random.default_rng(0).normal(size=(3, 96, 96))
    f = np.fft.fftfreq(96)
    images = np.fft.ifft2(np.fft.fft2(images) * (np.hypot(f[:, None], f) < 0.32)).real
    write_stack(tmp_path / "in.mrcs", images.astype(np.float32), 1.5)
    relion(
        "relion_image_handler", "--i", "in.mrcs", "--o", "out.mrcs",
        "--angpix", 1.5, "--rescale_angpix", pixel_size,
    )  # fmt: skip
    theirs = mrcfile.read(tmp_path / "out.mrcs")
    ours = fourier_resize(torch.from_numpy(images).float(), theirs.shape[-1])
    assert theirs.shape[-1] == round(96 * 1.5 / pixel_size)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("box", [64, 96])
def test_normalising(relion: Relion, tmp_path: Path, box: int) -> None:
    images = np.random.default_rng(0).normal(7.0, 3.0, (4, box, box)).astype(np.float32)
    images[:, box // 3 : box // 2, box // 3 : box // 2] += 20
    write_stack(tmp_path / "in.mrcs", images, 1.5)
    relion(
        "relion_preprocess", "--operate_on", "in.mrcs", "--operate_out", "out.mrcs",
        "--norm", "--no_ramp", "--bg_radius", 0.375 * box,
    )  # fmt: skip
    theirs = torch.from_numpy(mrcfile.read(tmp_path / "out.mrcs").copy())
    mean, sd = ring_statistics(torch.from_numpy(images))
    torch.testing.assert_close((torch.from_numpy(images) - mean) / sd, theirs, rtol=0, atol=1e-4)
    mean, sd = ring_statistics(theirs)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-5)
    torch.testing.assert_close(sd, torch.ones_like(sd), rtol=1e-4, atol=0)


def test_projecting_shifting_and_modulating(relion: Relion, tmp_path: Path) -> None:
    volume = smooth_volume()
    write_map(tmp_path / "volume.mrc", volume.data, PIXEL)
    rng = np.random.default_rng(1)
    angles = random_angles(rng, N)
    shifts = rng.normal(0, 1.5, (N, 2))  # y, x of the particle, pixels
    ctf = difficult_ctf()

    def project(origins: np.ndarray, *options: str) -> np.ndarray:
        write_poses(tmp_path / "poses.star", volume.box, angles, origins, ctf)
        relion(
            "relion_project", "--i", "volume.mrc", "--o", "out", "--ang", "poses.star",
            "--angpix", PIXEL, *options,
        )  # fmt: skip
        return mrcfile.read(tmp_path / "out.mrcs")

    still = project(np.zeros((N, 2)))
    ours = VolumeTransform(volume).project(rotation_matrices(angles)).numpy()
    assert max(distance(a, b) for a, b in zip(ours, still, strict=True)) < 0.02

    spectra = torch.fft.rfft2(torch.fft.ifftshift(torch.from_numpy(still), dim=(-2, -1)))
    modulated = to_images(spectra * ctf_images(ctf, PIXEL, volume.box)).numpy()
    theirs = project(np.zeros((N, 2)), "--ctf")
    assert max(distance(a, b) for a, b in zip(modulated, theirs, strict=True)) < 1e-3

    moved = to_images(shift_spectra(spectra, torch.from_numpy(shifts))).numpy()
    theirs = project(-shifts * PIXEL)
    assert max(distance(a, b) for a, b in zip(moved, theirs, strict=True)) < 1e-3


def test_reconstructing_a_simulated_data_set(
    relion: Relion, tmp_path: Path, make_generator: Callable[..., PairGenerator]
) -> None:
    """The phantom comes back: poses, origins and CTF mean to RELION what they mean to us."""
    volume, box = phantom(3, 5.0, (90.0, 100.0)), 40
    generator = make_generator(snr_range=(1.0, 1.0), defocus_range=(8000.0, 20000.0))
    write_dataset(tmp_path, generator, 300, box, seed=3)
    distances = [axis(box, 5.0)[:, None, None], axis(box, 5.0)[:, None], axis(box, 5.0)]
    inside = sum(d**2 for d in distances) < (0.45 * box * 5.0) ** 2
    truth = centred(volume.data, box)
    for name, least in (("clean", 0.95), ("particles", 0.75)):
        relion("relion_reconstruct", "--i", f"{name}.star", "--o", "map.mrc", "--ctf")
        with mrcfile.open(tmp_path / "map.mrc") as mrc:
            assert mrc.voxel_size.x == pytest.approx(5.0)
            found = mrc.data.copy()
        assert correlation(found[inside], truth[inside]) > least
        mirrored = found[:, :, ::-1]
        assert correlation(mirrored[inside], truth[inside]) < 0.7


def test_relion_takes_the_stacks_as_they_are(
    relion: Relion, tmp_path: Path, make_generator: Callable[..., PairGenerator]
) -> None:
    write_dataset(tmp_path, make_generator(), 5, 32, seed=0)
    said = relion("relion_image_handler", "--i", "particles.star", "--stats", "--angpix", 5.0)
    assert said.count("stddev") == 5
    assert said.count("(x,y,z,n)= 32 x 32 x 1 x 1") == 5
