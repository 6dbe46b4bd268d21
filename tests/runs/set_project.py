"""A project whose particles have something in common: phantoms in noise, with a CTF each."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from core.denoise.generator import Generator
from core.denoise.model_file import save_model
from core.noise.source import SpectrumNoise
from core.runs.denoise import report
from core.signal.ctf import CtfParameters
from core.signal.spectrum import ice_like_power
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

from ..training_project import CARD, TINY

BOX, PIXEL_SIZE, STACKS, EACH = 32, 4.0, 3, 45
N = STACKS * EACH
STAR, MODEL = Path("particles.star"), "tiny.safetensors"
_TAGS = {
    "defocus_u": "_rlnDefocusU",
    "defocus_v": "_rlnDefocusV",
    "defocus_angle": "_rlnDefocusAngle",
    "voltage": "_rlnVoltage",
    "spherical_aberration": "_rlnSphericalAberration",
    "amplitude_contrast": "_rlnAmplitudeContrast",
    "phase_shift": "_rlnPhaseShift",
}


@pytest.fixture(scope="module", autouse=True)
def no_pages() -> Iterator[None]:
    """Leave out drawing the reports, which would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "write_report", lambda path, *rest: path.touch())
        yield


def simulated() -> tuple[np.ndarray, CtfParameters]:
    """White particles (N, box, box) and their CTFs."""
    volume = VolumeTransform(phantom(11, PIXEL_SIZE, (70.0, 75.0), 12.0))
    settings = PairSettings(snr_range=(0.5, 0.5), neighbour_rate=0.0)
    made = PairGenerator([volume], SpectrumNoise(ice_like_power(), variation=0.0), settings)
    pairs = made.draw(N, BOX, np.random.default_rng(0), torch.Generator().manual_seed(0))
    return pairs.noisy.numpy(), pairs.ctf


def write_model(folder: Path) -> None:
    torch.manual_seed(0)
    save_model(folder / MODEL, Generator(TINY), CARD)


def write_map(path: Path, data: np.ndarray, pixel_size: float) -> None:
    """Write a volume with its pixel size (Å)."""
    with mrcfile.new(path) as file:
        file.set_data(data)
        file.voxel_size = pixel_size


def write_stacks(folder: Path, images: np.ndarray) -> None:
    """Write the images in their order, so many to a stack."""
    for k, part in enumerate(np.split(images, STACKS)):
        with mrcfile.new(folder / f"{k}.mrcs", overwrite=True) as file:
            file.set_data(np.zeros(part.shape, dtype=np.float32))
            file.data[:] = part  # NaN too, which set_data warns of


def write_star(
    folder: Path,
    ctf: CtfParameters | None,
    n: int = N,
    pixel_sizes: tuple[float, ...] = (PIXEL_SIZE,),
) -> None:
    """List the first n particles, in turn of each pixel size (Å), in a STAR file."""
    optics = "".join(f"{g + 1} {size} {BOX}\n" for g, size in enumerate(pixel_sizes))
    names = [] if ctf is None else [f.name for f in fields(ctf)]
    tags = "\n".join(["_rlnImageName", "_rlnOpticsGroup", *(_TAGS[name] for name in names)])
    rows = []
    for k in range(n):
        values = [f"{getattr(ctf, name)[k]:.6f}" for name in names]
        group = k % len(pixel_sizes) + 1
        rows.append(" ".join([f"{k % EACH + 1:06d}@{k // EACH}.mrcs", str(group), *values]))
    (folder / STAR).write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n_rlnImageSize\n"
        f"{optics}\ndata_particles\n\nloop_\n{tags}\n" + "\n".join(rows) + "\n"
    )
