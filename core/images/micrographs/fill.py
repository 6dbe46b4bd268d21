"""Fill pixels without an image with noise that has the mean and spread of the ice around them."""

import zlib

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, map_coordinates

_TILE = 64


def fill_defects(
    pixels: npt.NDArray[np.float32], invalid: npt.NDArray[np.bool_], seed: str
) -> None:
    """Overwrite the invalid pixels with white noise of the local mean and standard deviation.

    Parameters
    ----------
    pixels : (ny, nx) float32
        Changed in place.
    invalid : (ny, nx) bool
    seed
        Text that the noise depends on, and nothing else does.
    """
    pixels[invalid] = 0
    tile = max(8, min(_TILE, *(side // 8 for side in pixels.shape)))
    mean, sd = _tile_statistics(pixels, ~invalid, tile)
    places = np.nonzero(invalid)
    # The centre of the first tile is pixel (tile - 1) / 2.
    coarse = [(place - (tile - 1) / 2) / tile for place in places]
    noise = np.random.default_rng(zlib.crc32(seed.encode())).standard_normal(len(places[0]))
    noise *= map_coordinates(sd, coarse, order=1, mode="nearest")
    noise += map_coordinates(mean, coarse, order=1, mode="nearest")
    pixels[places] = noise


def _tile_statistics(
    pixels: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], tile: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and sd of the valid pixels of each tile; tiles without enough take the nearest's."""
    rows = range(0, pixels.shape[0], tile)
    starts = np.arange(0, pixels.shape[1], tile)
    count, mean, square = (np.empty((len(rows), len(starts))) for _ in range(3))
    for place, row in enumerate(rows):
        part, inside = pixels[row : row + tile], valid[row : row + tile]
        count[place] = np.add.reduceat(inside.sum(axis=0), starts)
        some = np.maximum(count[place], 1)
        mean[place] = np.add.reduceat(part.sum(axis=0, dtype=np.float64), starts) / some
        centre = np.repeat(mean[place], np.diff(np.r_[starts, pixels.shape[1]]))
        squares = (np.subtract(part, centre) ** 2).sum(axis=0, where=inside)
        square[place] = np.add.reduceat(squares, starts) / some
    poor = count < tile * tile / 4
    nearest = distance_transform_edt(
        poor if not poor.all() else count == 0, return_distances=False, return_indices=True
    )
    return mean[tuple(nearest)], np.sqrt(square[tuple(nearest)])
