"""Where CryoSPARC's particles lie in their micrographs.

`location/center_x_frac` and `center_y_frac` are fractions of the sides of the micrograph, and
`location/micrograph_shape` is [y, x]. Converters disagree on the direction of y. Here it is taken
to grow with the rows of the file: fraction 0 is the first row. The images can tell: picks that are
read the right way round lie on particles, and picks that are read upside down lie anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..micrographs.raw_names import RawMicrograph
from ..micrographs.reader import Micrograph, read_micrograph
from .kinds import Records
from .table import replaced, text_column, to_text

Coordinates = npt.NDArray[np.float64]

_PATH, _SHAPE = "location/micrograph_path", "location/micrograph_shape"
_SIZE = "location/micrograph_psize_A"
_X, _Y = "location/center_x_frac", "location/center_y_frac"
RING = 1.6
"""Outer radius of the ring about a pick, in radii of the disc."""
CLEAR = 5.0
"""Standard errors by which the upside-down reading has to win."""


@dataclass(frozen=True)
class Reading:
    """How much picks differ from their surroundings, read both ways.

    Attributes
    ----------
    upright, mirrored
        Mean difference of the disc about a pick from the ring around it, in standard errors over
        all picks; 0 where picks mean nothing, negative where they are darker than the ice.
    """

    upright: float
    mirrored: float

    @property
    def looks_mirrored(self) -> bool:
        """Whether the picks lie on something upside down, and on nothing as they were read."""
        return abs(self.mirrored) > abs(self.upright) + CLEAR


def locations(records: Records, source: Path, flip_y: bool = False) -> dict[str, Coordinates]:
    """Give the picks of each micrograph.

    Parameters
    ----------
    records
        (N,) particles with a `location` slot.
    source
        For messages.
    flip_y
        Read y against the rows of the file.

    Returns
    -------
    picks
        Path of the micrograph → (n, 2) y, x in its pixels.

    Raises
    ------
    IceblockError
        Where there are no locations, or one lies outside its micrograph.
    """
    names = records.dtype.names or ()
    missing = [name for name in (_PATH, _SHAPE, _X, _Y) if name not in names]
    if missing:
        raise IceblockError(
            f"{source} has no {missing[0]}; name picks, or particles that were extracted from "
            "micrographs of this project"
        )
    fractions = np.stack([records[_Y], records[_X]], axis=1).astype(np.float64)
    outside = ~((fractions >= 0) & (fractions <= 1)).all(axis=1)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise IceblockError(
            f"{source}: the location of row {row + 1} ({fractions[row, 1]:g}, {fractions[row, 0]:g}"
            ") lies outside its micrograph; correct it or take the row out"
        )
    if flip_y:
        fractions[:, 0] = 1 - fractions[:, 0]
    coordinates = fractions * records[_SHAPE]
    paths, places = np.unique(records[_PATH], return_inverse=True)
    order = np.argsort(places, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(places, minlength=len(paths)))[:-1])
    return {to_text(path): coordinates[rows] for path, rows in zip(paths, parts, strict=True)}


def read_both_ways(
    images: Sequence[npt.NDArray[np.float32]], picks: Sequence[Coordinates], radius: float
) -> Reading:
    """Measure on the images which way round picks are.

    Parameters
    ----------
    images
        Micrographs, (ny, nx) each.
    picks
        Their picks, (n, 2) y, x in pixels.
    radius
        Of a particle in pixels.
    """
    upright = [_contrasts(i, p, radius) for i, p in zip(images, picks, strict=True)]
    mirrored = [
        _contrasts(i, np.column_stack([len(i) - 1 - p[:, 0], p[:, 1]]), radius)
        for i, p in zip(images, picks, strict=True)
    ]
    return Reading(_score(upright), _score(mirrored))


def check_direction(picks: Mapping[Path, Coordinates], radius: float) -> str:
    """Test on some images whether picks are read the right way round.

    Parameters
    ----------
    picks
        Image file of the micrograph → (n, 2) y, x in pixels.
    radius
        Of a particle in pixels.

    Returns
    -------
    remark
        A sentence for the user where something is wrong; else empty.
    """
    images = [read_micrograph(Micrograph(path.name, path, 1.0)).pixels for path in picks]
    seen = read_both_ways(images, list(picks.values()), radius)
    if seen.looks_mirrored:
        return (
            "The picks look mirrored: they lie on particles when y is read the other way round "
            f"({seen.mirrored:.0f} standard errors from the ice around, {seen.upright:.0f} as read)"
        )
    if abs(seen.upright) < CLEAR:
        return (
            "The picks do not stand out from the ice around them, either way round "
            f"({seen.upright:.0f} and {seen.mirrored:.0f} standard errors): check that they belong "
            "to these micrographs and that the particle diameter is right"
        )
    return ""


def to_fractions(
    positions: Coordinates, shapes: npt.NDArray[Any], flip_y: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give center_x_frac and center_y_frac of positions; what `locations` reads back.

    Parameters
    ----------
    positions
        (N, 2) y, x in pixels.
    shapes
        (N, 2) sides of their micrographs, y and x.
    flip_y
        As for `locations`.
    """
    y, x = (positions / shapes).T
    return x, 1 - y if flip_y else y


def raw_locations(
    records: Records,
    raw_of: Callable[[str], RawMicrograph],
    shape_of: Callable[[RawMicrograph], tuple[int, ...]],
) -> Records:
    """Give picks that were made on denoised micrographs their places in the raw ones.

    Parameters
    ----------
    records
        (N,) particles with a `location` slot.
    raw_of
        Gives the raw micrograph of a denoised one by its path.
    shape_of
        Gives ny, nx of a raw micrograph; asked where the denoised one has larger pixels.
    """
    paths, places = np.unique(records[_PATH], return_inverse=True)
    raw = [raw_of(to_text(path).removeprefix(">")) for path in paths]
    changed: dict[str, npt.NDArray[Any]] = {
        _PATH: text_column([one.name for one in raw], places, records[_PATH])
    }
    scales = np.array([one.scale for one in raw])
    if (scales != 1).any():
        old = np.array(records[_SHAPE])
        shapes = np.array(old)
        for number in np.flatnonzero(scales != 1).tolist():
            shapes[places == number] = shape_of(raw[number])
        factor = scales[places][:, None] * old / shapes  # a fraction of the raw one's sides
        changed[_SHAPE] = shapes
        for tag, axis in ((_Y, 0), (_X, 1)):
            changed[tag] = (records[tag] * factor[:, axis]).astype(records[tag].dtype)
        if _SIZE in (records.dtype.names or ()):
            changed[_SIZE] = (records[_SIZE] / scales[places]).astype(records[_SIZE].dtype)
    return replaced(records, changed)


def box_in_micrographs(records: Records, pixel_size: float) -> int:
    """Give the side of extracted particles in pixels of their micrographs, an even number.

    Parameters
    ----------
    records
        Particles with a `blob` slot.
    pixel_size
        Å, of the micrographs.
    """
    side = float(records["blob/shape"][0, 0]) * float(records["blob/psize_A"][0])
    return 2 * round(side / pixel_size / 2)


def _contrasts(
    image: npt.NDArray[np.float32], picks: Coordinates, radius: float
) -> npt.NDArray[np.float64]:
    """Give the mean of the disc less that of the ring, for each pick whose ring fits."""
    reach = int(np.ceil(RING * radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(y, x)
    disc, ring = distance <= radius, (distance > radius) & (distance <= RING * radius)
    differences = []
    for cy, cx in np.rint(picks).astype(np.int64).tolist():
        if reach <= cy < len(image) - reach and reach <= cx < image.shape[1] - reach:
            patch = image[cy - reach : cy + reach + 1, cx - reach : cx + reach + 1]
            differences.append(float(patch[disc].mean() - patch[ring].mean()))
    return np.array(differences)


def _score(parts: Sequence[npt.NDArray[np.float64]]) -> float:
    """Give the mean in standard errors; each micrograph's picks in units of their own spread."""
    scaled = [part / part.std() for part in parts if len(part) > 2 and part.std() > 0]
    if not scaled:
        return 0.0
    values = np.concatenate(scaled)
    return float(values.mean() * np.sqrt(len(values)) / values.std())
