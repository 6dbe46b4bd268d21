"""A project with very many particles: a STAR file as RELION writes it, stacks without pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.images.mrc.reader import HEADER_BYTES
from core.images.mrc.writer import StackWriter

if TYPE_CHECKING:
    from pathlib import Path

BOX, PIXEL_SIZE = 64, 5.3
IMAGES = 200
"""In each stack."""
FLOATS = [
    "CoordinateX", "CoordinateY", "AutopickFigureOfMerit", "CtfMaxResolution", "CtfFigureOfMerit",
    "DefocusU", "DefocusV", "DefocusAngle", "CtfBfactor", "CtfScalefactor", "PhaseShift",
    "AngleRot", "AngleTilt", "AnglePsi", "OriginXAngst", "OriginYAngst", "NormCorrection",
    "LogLikeliContribution", "MaxValueProbDistribution", "AngleRotPrior", "AngleTiltPrior",
    "AnglePsiPrior",
]  # fmt: skip
WHOLE = ["ClassNumber", "GroupNumber", "NrOfSignificantSamples", "RandomSubset", "OpticsGroup"]
NAMES = ["ImageName", "MicrographName", "CtfImage"]
OPTICS = f"""
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographOriginalPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
_rlnImagePixelSize #7
_rlnImageSize #8
_rlnImageDimensionality #9
opticsGroup1     1     1.060000   300.000000     2.700000     0.100000  {PIXEL_SIZE}  {BOX}  2


# version 30001

data_particles

loop_
"""


def write_wide_project(folder: Path, n: int) -> Path:
    """Write a STAR file of n rows and 30 columns, about 500 bytes a row, and its stacks.

    The stacks have headers and their full length; their pixels are holes in the files.

    Returns
    -------
    star
        Its image names start in `folder`.
    """
    micrographs = [f"FoilHole_{31415926 + k}_Data_{k:06d}" for k in range(-(-n // IMAGES))]
    _write_stacks(folder / "Extract/job007/Movies", micrographs)
    star = folder / "Refine3D/job015/run_data.star"
    star.parent.mkdir(parents=True)
    rng = np.random.default_rng(0)
    pool = [f"{value:12.6f}" for value in rng.uniform(-9999, 99999, 1 << 16)]
    labels = [*FLOATS, *WHOLE, *NAMES]
    with star.open("w") as file:
        file.write(OPTICS)
        file.writelines(f"_rln{label} #{k}\n" for k, label in enumerate(labels, 1))
        for number, micrograph in enumerate(micrographs):
            count = min(IMAGES, n - number * IMAGES)
            starts = rng.integers(0, len(pool) - IMAGES, len(FLOATS))
            floats = [pool[start : start + count] for start in starts]
            whole = [[f"{k % 4 + 1:6d}" for k in range(count)]] * 4 + [["     1"] * count]
            names = [
                [f"{k:06d}@Extract/job007/Movies/{micrograph}.mrcs" for k in range(1, count + 1)],
                [f"MotionCorr/job002/Movies/{micrograph}.mrc"] * count,
                [f"CtfFind/job003/Movies/{micrograph}_PS.ctf:mrc"] * count,
            ]
            rows = zip(*floats, *whole, *names, strict=True)
            file.writelines(f"{' '.join(row)} \n" for row in rows)
        file.write(" \n")
    return star


def _write_stacks(folder: Path, micrographs: list[str]) -> None:
    folder.mkdir(parents=True)
    first = folder / f"{micrographs[0]}.mrcs"
    with StackWriter(first, IMAGES, BOX, PIXEL_SIZE) as writer:
        writer.append(np.zeros((IMAGES, BOX, BOX), dtype=np.float32))
    header = first.read_bytes()[:HEADER_BYTES]
    for micrograph in micrographs:
        with (folder / f"{micrograph}.mrcs").open("wb") as file:
            file.write(header)
            file.truncate(HEADER_BYTES + IMAGES * BOX * BOX * 4)
