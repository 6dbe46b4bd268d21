"""Write one image of any shape in MRC format, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..disk import replacing, write_fully
from .header import new_header
from .statistics import StackStatistics

_MODES = {"f4": 2, "f2": 12}


def write_image(path: Path, image: npt.NDArray[Any], pixel_size: float, label: str) -> None:
    """Write an image (ny, nx) of float32 or float16.

    Parameters
    ----------
    path
        The file to make or to replace.
    image
        Its first row is the file's first.
    pixel_size
        Å, for the header.
    label
        What the header says of the file; ASCII, 80 characters at most.

    Raises
    ------
    IceblockError
        When the file cannot be made, and for values that the type cannot hold.
    """
    kind = image.dtype.str[1:]
    if kind not in _MODES:
        raise ValueError(f"an MRC image is written as float32 or float16, not {image.dtype}")
    if not np.isfinite(image).all():
        raise IceblockError(f"{path}: the image holds values that {image.dtype} cannot hold")
    ny, nx = image.shape
    header = new_header(1, 1, pixel_size, _MODES[kind], label)
    header["nx"] = header["mx"] = nx
    header["ny"] = header["my"] = ny
    header["cella"] = (nx * pixel_size, ny * pixel_size, pixel_size)
    statistics = StackStatistics(1)
    statistics.add(0, image[None])
    statistics.complete(header)
    data = np.ascontiguousarray(image, dtype=np.dtype("<" + kind))
    with replacing(path) as file:
        for block in (header, data):
            write_fully(file, memoryview(block.reshape(-1).view(np.uint8).data))
