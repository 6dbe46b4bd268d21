"""A RELION project with all that a whole run takes: micrographs, picks, particles, a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import torch

from core.denoise.generator import Generator
from core.denoise.model_file import save_model

from . import noise_project
from .training_project import CARD, TINY, write_volume

if TYPE_CHECKING:
    from pathlib import Path

BOX = 40
MICROGRAPHS, PARTICLES, VOLUME = "micrographs.star", noise_project.PARTICLES, "volume.mrc"
MODEL, SEGMENTATION = "tiny.safetensors", "blind.safetensors"
_ROWS = "_rlnCoordinateX\n_rlnCoordinateY\n_rlnMicrographName\n_rlnImageName\n_rlnDefocusU\n"
_ROWS += "_rlnDefocusV\n_rlnDefocusAngle\n"
_OPTICS = (
    "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n_rlnVoltage\n"
    "_rlnSphericalAberration\n_rlnAmplitudeContrast\n_rlnImagePixelSize\n_rlnImageSize\n"
    f"1 opticsGroup1 200 1.4 0.07 {noise_project.PIXEL} {BOX}\n"
)
_OLD = (
    "_rlnVoltage\n_rlnSphericalAberration\n_rlnAmplitudeContrast\n_rlnMagnification\n"
    "_rlnDetectorPixelSize\n"
)
_OLD_VALUES = f"200 1.4 0.07 12500 {noise_project.PIXEL * 12500 / 1e4}"


def write_whole_project(folder: Path, micrographs: int = 4, old: bool = False) -> None:
    """Write the project; `old` makes its STAR files those of RELION 3.0, without optics tables."""
    noise_project.write_project(folder, n=micrographs)
    rows = []
    for number in range(1, micrographs + 1):
        name = f"Micrographs/mic{number:02d}.mrc"
        stack = f"Extract/job003/{name}s"
        places = _places(folder / f"Picks/mic{number:02d}.star")
        _write_particles(folder / name, folder / stack, places)
        rows += [
            f"{x} {y} {name} {k:06d}@{stack} 15000 14800 30"
            for k, (x, y) in enumerate(places, start=1)
        ]
    (folder / PARTICLES).write_text(_star(rows, old))
    if old:
        listed = "".join(f"Micrographs/mic{n + 1:02d}.mrc {_OLD_VALUES}\n" for n in
                         range(micrographs))  # fmt: skip
        (folder / MICROGRAPHS).write_text(f"\ndata_\n\nloop_\n_rlnMicrographName\n{_OLD}{listed}")
    write_volume(folder / VOLUME)
    torch.manual_seed(0)
    save_model(folder / MODEL, Generator(TINY), CARD)
    noise_project.write_blind_model(folder / SEGMENTATION)


def _star(rows: list[str], old: bool) -> str:
    if old:
        lines = "".join(f"{row} {_OLD_VALUES}\n" for row in rows)
        return f"\ndata_\n\nloop_\n{_ROWS}{_OLD}{lines}"
    lines = "".join(f"{row} 1\n" for row in rows)
    start = "\n\n# version 30001\n\ndata_particles\n\nloop_\n"
    return f"{_OPTICS}{start}{_ROWS}_rlnOpticsGroup\n{lines}"


def _places(picks: Path) -> list[tuple[str, str]]:
    rows = picks.read_text().partition("_rlnCoordinateY #2\n")[2]
    return [(row.split()[0], row.split()[1]) for row in rows.splitlines()]


def _write_particles(micrograph: Path, stack: Path, places: list[tuple[str, str]]) -> None:
    """Extract white particles, background mean 0 and sd 1, as RELION does."""
    half = BOX // 2
    image = np.pad(mrcfile.read(micrograph), half, mode="symmetric")
    boxes = [
        image[round(float(y)) :, round(float(x)) :][:BOX, :BOX].astype(np.float64)
        for x, y in places
    ]
    ring = np.hypot(*(np.mgrid[:BOX, :BOX] - half)) > 0.75 * half
    images = [(box[ring].mean() - box) / box[ring].std() for box in boxes]
    stack.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(stack) as file:
        file.set_data(np.stack(images).astype(np.float32))
        file.set_image_stack()
        file.voxel_size = noise_project.PIXEL
