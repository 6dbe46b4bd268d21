"""Small stacks and STAR files that the tests make."""

from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
from mrcfile.dtypes import HEADER_DTYPE

MODES = {"i1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12}


def write_raw(
    path: Path,
    images: npt.NDArray[np.generic],
    order: str = "<",
    extended: int = 0,
    marks: bool = True,
    pixel_size: float = 2.0,
) -> None:
    """An MRC file put together by hand; without `marks`, as programs of the last century did."""
    header = np.zeros((), dtype=HEADER_DTYPE.newbyteorder(order))
    n, ny, nx = images.shape
    header["nx"], header["ny"], header["nz"] = nx, ny, n
    header["mx"], header["my"], header["mz"] = nx, ny, 1
    header["mode"] = MODES[images.dtype.str[1:]]
    header["cella"] = (nx * pixel_size, ny * pixel_size, pixel_size)
    header["nsymbt"] = extended
    if marks:
        header["map"] = b"MAP "
        header["machst"] = (0x44, 0x44, 0, 0) if order == "<" else (0x11, 0x11, 0, 0)
    pixels = images.astype(images.dtype.newbyteorder(order))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header.tobytes() + b"\x01" * extended + pixels.tobytes())


def write_stack(path: Path, n: int = 3, box: int = 32, pixel_size: float = 2.0) -> None:
    """A stack of float32 noise, which depends on the name of the file only."""
    noise = np.random.default_rng(sum(path.name.encode())).normal(size=(n, box, box))
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path) as mrc:
        mrc.set_data(noise.astype(np.float32))
        mrc.set_image_stack()
        mrc.voxel_size = pixel_size


def star_text(
    names: list[str],
    groups: list[int] | None = None,
    optics: str = "1 og1 2.0 32",
    optics_tags: str = "_rlnOpticsGroup _rlnOpticsGroupName _rlnImagePixelSize _rlnImageSize",
) -> str:
    """A STAR file of RELION 3.1 with one optics row for each line of `optics`."""
    rows = zip(names, groups or [1] * len(names), strict=True)
    lines = ["# version 30001", "", "data_optics", "", "loop_", *optics_tags.split(), optics, ""]
    lines += ["# version 30001", "", "data_particles", "", "loop_"]
    lines += ["_rlnCoordinateX #1", "_rlnImageName #2", "_rlnOpticsGroup #3"]
    lines += [f"{row}.50 {name} {group}" for row, (name, group) in enumerate(rows)]
    return "\n".join(lines) + "\n"


def old_star_text(rows: list[str], tags: list[str]) -> str:
    """A STAR file of RELION 3.0: one table without a name."""
    return "\n".join(["data_", "", "loop_", *tags, *rows]) + "\n"
