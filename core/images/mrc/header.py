"""Headers of MRC files: a new one, and the pixel size in a given one."""

from typing import Any

import numpy as np
import numpy.typing as npt
from mrcfile.dtypes import HEADER_DTYPE


def new_header(
    n_images: int, box: int, pixel_size: float, mode: int, label: str
) -> npt.NDArray[Any]:
    """Make an image-stack header whose statistics are marked as not determined."""
    header = np.zeros((), dtype=HEADER_DTYPE.newbyteorder("<"))
    header["nx"] = header["ny"] = header["mx"] = header["my"] = box
    header["nz"] = n_images
    # Space group 0 with mz = 1 is what marks a stack of images rather than a volume.
    header["mz"] = 1
    header["ispg"] = 0
    header["mode"] = mode
    header["cella"] = (box * pixel_size, box * pixel_size, pixel_size)
    header["cellb"] = (90.0, 90.0, 90.0)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["dmin"], header["dmax"], header["dmean"], header["rms"] = 0.0, -1.0, -2.0, -1.0
    header["map"] = b"MAP "
    header["machst"] = (0x44, 0x44, 0, 0)
    header["nversion"] = 20141
    header["nlabl"] = 1
    # No date: the same images make the same bytes.
    header["label"][0] = label.encode()
    return header


def pixel_size(header: Any) -> float:
    """Give Å along x; 0.0 where the header's cell or sampling is missing or absurd."""
    sampling = int(header["mx"])
    cell = float(header["cella"]["x"])
    if sampling <= 0 or not np.isfinite(cell) or cell <= 0:
        return 0.0
    # The header stores the cell as float32; seven digits give the number that was meant.
    return float(f"{cell / sampling:.7g}")
