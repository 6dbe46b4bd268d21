"""A particle stack of two simulated shapes, as RELION's Extract job writes one."""

from pathlib import Path

import mrcfile
import numpy as np
from numpy.typing import NDArray

BOX = 64
PIXEL_SIZE = 4.0
PARTICLES = "Extract/job003/particles.star"

OPTICS = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnAmplitudeContrast #5
_rlnMicrographOriginalPixelSize #6
_rlnImagePixelSize #7
_rlnImageSize #8
_rlnImageDimensionality #9
opticsGroup1 1 300.000000 2.700000 0.100000 4.000000 4.000000 64 2


# version 30001

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnImageName #3
_rlnMicrographName #4
_rlnOpticsGroup #5
_rlnDefocusU #6
_rlnDefocusV #7
_rlnDefocusAngle #8
_rlnCtfMaxResolution #9
"""


def write_particles(project: Path, stacks: int, images: int) -> None:
    """Write `PARTICLES` and its stacks below `project`."""
    generator = np.random.default_rng(7)
    rows = []
    for micrograph in range(1, stacks + 1):
        name = f"Extract/job003/Particles/Micrographs/mic{micrograph:03d}.mrcs"
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(path, overwrite=True) as file:
            file.set_data(_noisy_particles(generator, images))
            file.set_image_stack()
            file.voxel_size = PIXEL_SIZE
        rows += [
            f"{generator.uniform(0, 4000):.6f} {generator.uniform(0, 4000):.6f} "
            f"{index:06d}@{name} Micrographs/mic{micrograph:03d}.mrc 1 "
            f"15000.000000 14800.000000 30.000000 5.000000"
            for index in range(1, images + 1)
        ]
    (project / PARTICLES).write_text(OPTICS + "\n".join([*rows, "", ""]))


def _noisy_particles(generator: np.random.Generator, number: int) -> NDArray[np.float32]:
    """Make (n, y, x) white particles, either round or long, on a background of mean 0 and sd 1."""
    y, x = np.mgrid[:BOX, :BOX] - BOX / 2
    images = generator.normal(size=(number, BOX, BOX))
    for image in images:
        angle = generator.uniform(0, np.pi)
        along = x * np.cos(angle) + y * np.sin(angle)
        across = y * np.cos(angle) - x * np.sin(angle)
        length = generator.choice([6.0, 14.0])
        image += 1.5 * np.exp(-((along / length) ** 2) - (across / 6.0) ** 2)
    return images.astype(np.float32)
