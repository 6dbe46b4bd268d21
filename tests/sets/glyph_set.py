"""Sets of glyphs on disk, for whole runs."""

from pathlib import Path

import torch

from core.images.mrc.writer import StackWriter

from .glyphs import BOX, PIXEL_SIZE

HEAD = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnImagePixelSize #3
_rlnImageSize #4
_rlnImageDimensionality #5
_rlnVoltage #6
_rlnSphericalAberration #7
_rlnAmplitudeContrast #8
opticsGroup1 1 {pixel_size} {box} 2 300 2.7 0.1


# version 30001

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
_rlnNote #3
_rlnAngleRot #4
"""


def write_set(folder: Path, images: torch.Tensor, name: str = "raw") -> Path:
    """Write images and a STAR file whose other tokens are odd on purpose."""
    with StackWriter(folder / f"{name}.mrcs", len(images), BOX, PIXEL_SIZE) as writer:
        writer.append(images.numpy())
    rows = [f"{i:06d}@{name}.mrcs 1 note_{i:03d} 1.50e+01" for i in range(1, len(images) + 1)]
    star = folder / f"{name}.star"
    star.write_text(HEAD.format(pixel_size=PIXEL_SIZE, box=BOX) + "\n".join([*rows, ""]))
    return star
