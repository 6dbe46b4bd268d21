"""Micrographs of ice and particles with picks, and a segmenter that needs no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
from scipy.ndimage import gaussian_filter

from core.runs.noise.options import NoiseOptions
from core.segment.grid import to_grid
from core.segment.labels import discs
from core.segment.model_file import SegmentationCard, save_model
from core.segment.network import NetworkConfig, SegmentationNet
from core.segment.segmenter import Segmentation

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from core.images.micrographs.reader import MicrographImage

PIXEL, DIAMETER, BOX, SIDE = 4.0, 100.0, 32, 224
CARBON = 5000.0
COORDINATES = "AutoPick/job002/autopick.star"
SUFFIX = "AutoPick/job002/coords_suffix_autopick.star"
PARTICLES = "Extract/job003/particles.star"


def micrograph(seed: int, picks: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Ice of grey value 900 and sd 7, with a dark ball at each pick."""
    white = np.random.default_rng(seed).normal(size=(SIDE, SIDE))
    image = 900 + 5 * (white + gaussian_filter(white, 1.5))
    y, x = np.ogrid[:SIDE, :SIDE]
    for cy, cx in picks:
        r = np.hypot(y - cy, x - cx) / (DIAMETER / 2 / PIXEL)
        image -= 14 * np.sqrt(np.clip(1 - r**2, 0, None))
    return image.astype(np.float32)


def write_project(folder: Path, n: int = 4, per_micrograph: int = 4) -> None:
    """Write Micrographs/mic*.mrc with micrographs.star, and their picks in five forms.

    Picks/mic*.star, and as RELION has them: `COORDINATES` (4.0 and later), `SUFFIX` (3.1), both
    with AutoPick/job002/Micrographs/mic*_autopick.star, and `PARTICLES`.
    """
    for name in ("Micrographs", "Picks", "AutoPick/job002/Micrographs", "Extract/job003"):
        (folder / name).mkdir(parents=True)
    rows, listed, particles = [], [], []
    for k in range(1, n + 1):
        places = np.random.default_rng(k).uniform(20, SIDE - 20, (per_micrograph, 2)).round(1)
        name = f"Micrographs/mic{k:02d}.mrc"
        with mrcfile.new(folder / name) as file:
            file.set_data(micrograph(k, places))
            file.voxel_size = PIXEL
        picks = "".join(f"{x} {y}\n" for y, x in places)
        relion = f"AutoPick/job002/Micrographs/mic{k:02d}_autopick.star"
        for path in (f"Picks/mic{k:02d}.star", relion):
            (folder / path).write_text(
                f"\ndata_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n{picks}"
            )
        rows.append(f"{name} 1")
        listed.append(f"{name} {relion}")
        particles += [f"{x} {y} {name} 1" for y, x in places]
    (folder / COORDINATES).write_text(
        "\ndata_coordinate_files\n\nloop_\n_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n"
        + "\n".join([*listed, "", ""])
    )
    (folder / SUFFIX).write_text("micrographs.star\n")
    (folder / PARTICLES).write_text(
        "\ndata_particles\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n"
        "_rlnMicrographName #3\n_rlnOpticsGroup #4\n" + "\n".join([*particles, "", ""])
    )
    (folder / "micrographs.star").write_text(
        "\ndata_optics\n\nloop_\n_rlnOpticsGroupName\n_rlnOpticsGroup\n_rlnVoltage\n"
        "_rlnSphericalAberration\n_rlnAmplitudeContrast\n_rlnMicrographPixelSize\n"
        f"opticsGroup1 1 200 1.4 0.07 {PIXEL}\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n"
        + "\n".join([*rows, "", ""])
    )


def options(folder: Path, **changes: object) -> NoiseOptions:
    given: dict[str, object] = {
        "micrographs": (folder / "micrographs.star",), "out": folder / "Noise", "box": BOX,
        "particle_diameter": DIAMETER, "picks": folder / "Picks", "threads": 1,
    }  # fmt: skip
    return NoiseOptions(**{**given, **changes})  # type: ignore[arg-type]


def write_blind_model(path: Path) -> Path:
    """Write a segmentation model that takes everything for background, picks aside."""
    network = SegmentationNet(NetworkConfig((2, 2)))
    for weight in network.state_dict().values():
        weight.zero_()
    network.head.bias.data[0] = 9
    save_model(path, network, SegmentationCard("blind"))
    return path


@dataclass
class PickSegmenter:
    """Particle about each pick, pollution where painted or as bright as carbon, else background."""

    seen: list[float] = field(default_factory=list)
    """Mean grey value of each micrograph that was segmented."""

    def segment(
        self,
        image: MicrographImage,
        pixel_size: float,
        particle_diameter: float,
        picks: npt.NDArray[np.float64] | None = None,
        pollution: npt.NDArray[np.bool_] | None = None,
    ) -> Segmentation:
        shape = (image.pixels.shape[0], image.pixels.shape[1])
        grid = (shape[0] // 2, shape[1] // 2)
        self.seen.append(float(image.pixels.mean()))
        labels = (to_grid(image.pixels, grid) > CARBON).astype(np.int64)
        if pollution is not None:
            labels[to_grid(pollution.astype(np.float32), grid) > 0.5] = 1
        if picks is not None:
            labels[discs(grid, shape, picks, particle_diameter / 2 / pixel_size)] = 2
        return Segmentation(np.eye(3, dtype=np.float32)[labels].transpose(2, 0, 1), shape)
