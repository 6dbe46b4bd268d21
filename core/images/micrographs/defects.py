"""Pixels of a micrograph that hold no image: no numbers, saturated patches, dead lines, borders.

What the detector or a program left without an image is constant, and ice never is: two pixels are
equal by chance, a row of many is not. How many are needed is measured, since in images of few grey
values, as 8-bit files and electron counts are, neighbours are often equal.
"""

from math import ceil, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

_Pixels = npt.NDArray[np.float32]
_Mask = npt.NDArray[np.bool_]

_SHORTEST_LINE = 16  # pixels of one value in a row or column
_SMALLEST_PATCH = 5  # side in pixels of a square of one value
_CHANCE = 0.01  # accidents in the whole image that are put up with
_TILE, _TILES = 64, 12
_LARGEST = 1e15  # no grey value comes near, and squares of it are still numbers
_DEAD = 0.9  # part of a line that is constant where all of it is said to be
_BAND = 256  # rows looked at together: what is made of them stays in the processor's cache
_OFFSET_SIGMAS = 12.0  # a line's mean against that of its neighbours, in sd of such differences
_OFFSET_SD = 0.5  # and in standard deviations of the pixels


def find_defects(pixels: _Pixels) -> tuple[_Mask, list[str]]:
    """Find the pixels that hold no image.

    Parameters
    ----------
    pixels : (ny, nx) float32
        Not changed.

    Returns
    -------
    invalid : (ny, nx) bool
    remarks
        A sentence on each kind of defect that was found.
    """
    rows, columns, largest = _look_through(pixels)
    invalid = np.zeros(pixels.shape, dtype=bool)
    doubtful = np.flatnonzero(~(largest < _LARGEST))
    invalid[doubtful] = ~(np.abs(pixels[doubtful]) < _LARGEST)
    remarks = _count(invalid, "{} are NaN, infinite or beyond all grey values")
    constant = _constant(pixels)
    if constant is not None:
        remarks += _describe(constant)
        invalid |= constant
    if remarks:
        with np.errstate(invalid="ignore"):  # NaN are looked at, though they do not count
            rows = pixels.sum(axis=1, dtype=np.float64, where=~invalid)
            columns = pixels.sum(axis=0, dtype=np.float64, where=~invalid)
    usable = [pixels.shape[axis] - np.count_nonzero(invalid, axis=axis) for axis in (1, 0)]
    limit = _OFFSET_SD * _spread(pixels, invalid)
    odd_rows = _odd_lines(rows, usable[0], pixels.shape[1], limit)
    odd_columns = _odd_lines(columns, usable[1], pixels.shape[0], limit)
    for odd, name in ((odd_rows, "row"), (odd_columns, "column")):
        if odd.size:
            remarks.append(_lines(odd, name, "far from the mean of the neighbours"))
    invalid[odd_rows] = True
    invalid[:, odd_columns] = True
    return invalid, remarks


def _look_through(
    pixels: _Pixels,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """Give the sums of the rows and of the columns, and the largest absolute value in each row."""
    rows, columns = np.empty(pixels.shape[0]), np.zeros(pixels.shape[1])
    largest = np.empty(pixels.shape[0], dtype=np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        for y in range(0, pixels.shape[0], _BAND):
            band = pixels[y : y + _BAND]
            rows[y : y + _BAND] = band.sum(axis=1, dtype=np.float64)
            columns += band.sum(axis=0, dtype=np.float64)
            largest[y : y + _BAND] = np.maximum(band.max(axis=1), -band.min(axis=1))
    return rows, columns, largest


def _constant(pixels: _Pixels) -> _Mask | None:
    """Find lines and squares of one value that chance does not make; None where there are none."""
    line, side = _least_sizes(pixels)
    reach = line + side  # how far away what makes a pixel part of them can begin
    height = max(_BAND, reach)
    found: _Mask | None = None
    for start in range(0, pixels.shape[0], height):
        top = max(0, start - reach)
        part = _constant_part(pixels[top : start + height + reach], line, side)
        if part is not None:
            if found is None:
                found = np.zeros(pixels.shape, dtype=bool)
            found[start : start + height] = part[start - top : start - top + height]
    return found


def _constant_part(pixels: _Pixels, line: int, side: int) -> _Mask | None:
    """Do as `_constant` does, for one band."""
    across = pixels[:, 1:] == pixels[:, :-1]  # NaN equals nothing
    down = pixels[1:] == pixels[:-1]
    rows, columns = (min(line, size) for size in pixels.shape)
    parts = []
    flat = _all_of(across, columns - 1, axis=1)
    if flat.any():
        parts.append(_spread_over(flat, columns, axis=1))
    upright = _all_of(down, rows - 1, axis=0)
    if upright.any():
        parts.append(_spread_over(upright, rows, axis=0))
    squares = _all_of(_all_of(across, side - 1, axis=1), side, axis=0)
    if squares.any():
        squares &= _all_of(_all_of(down, side - 1, axis=0), side, axis=1)
        parts.append(_spread_over(_spread_over(squares, side, axis=0), side, axis=1))
    if not any(part.any() for part in parts):
        return None
    found: _Mask = np.logical_or.reduce(parts)
    for _ in range(side // 4 + 1):
        _grow(found, across, down)
    return found


def _least_sizes(pixels: _Pixels) -> tuple[int, int]:
    """Give the shortest line and the smallest square of one value that is no accident.

    From the chance that a pair of equal neighbours goes on, the median of tiles all over the
    image, so that defects in less than half of it do not count.
    """
    size = min(_TILE, *pixels.shape)
    chances = []
    for y in np.linspace(0, pixels.shape[0] - size, _TILES).astype(int):
        for x in np.linspace(0, pixels.shape[1] - size, _TILES).astype(int):
            tile = pixels[y : y + size, x : x + size]
            equal = tile[:, 1:] == tile[:, :-1]
            triples = np.count_nonzero(equal[:, 1:] & equal[:, :-1])
            chances.append(triples / max(int(np.count_nonzero(equal[:, :-1])), 1))
    chance = min(max(float(np.median(chances)), 0.02), 0.98)
    tries = log(pixels.size / _CHANCE)
    line = max(_SHORTEST_LINE, ceil(tries / -log(chance)))
    side = max(_SMALLEST_PATCH, ceil(sqrt(tries) / -log(chance)))
    return line, min(side, max(_SMALLEST_PATCH, min(pixels.shape) // 8), *pixels.shape)


def _all_of(mask: _Mask, length: int, axis: int) -> _Mask:
    """Tell for each place whether it and the following `length` - 1 ones along `axis` are True."""
    return _window(mask, length, axis, np.logical_and)


def _spread_over(mask: _Mask, length: int, axis: int) -> _Mask:
    """Set the `length` pixels along `axis` that begin at each True place."""
    margin = [(0, 0), (0, 0)]
    margin[axis] = (length - 1, length - 1)
    return _window(np.pad(mask, margin), length, axis, np.logical_or)


def _window(mask: _Mask, length: int, axis: int, join: np.ufunc) -> _Mask:
    """Join windows of `length`; doubling them takes log2(length) steps."""
    turned = mask if axis == 0 else mask.T
    done = 1
    while done < length:
        step = min(done, length - done)
        turned = join(turned[:-step], turned[step:])
        done += step
    return turned if axis == 0 else turned.T


def _grow(found: _Mask, across: _Mask, down: _Mask) -> None:
    """Add the pixels that equal a found neighbour: the rounded edges of a patch."""
    before = found.copy()
    found[:, 1:] |= before[:, :-1] & across
    found[:, :-1] |= before[:, 1:] & across
    found[1:] |= before[:-1] & down
    found[:-1] |= before[1:] & down


def _odd_lines(
    sums: npt.NDArray[np.float64], usable: npt.NDArray[np.intp], length: int, limit: float
) -> npt.NDArray[np.intp]:
    """Find lines whose mean is far from that of the lines beside them.

    Parameters
    ----------
    sums, usable
        (n,) sum and number of the valid pixels of each of the n lines.
    length
        Pixels of a line; lines with less than a quarter of them are passed over.
    limit
        Grey values that the means must differ by at least.
    """
    kept = np.flatnonzero(usable * 4 >= length)
    if len(kept) < 32:
        return kept[:0]
    means = sums[kept] / usable[kept]
    difference = np.abs(means - median_filter(means, 9, mode="nearest"))
    sigma = 1.4826 * float(np.median(difference))
    odd: npt.NDArray[np.intp] = kept[difference > max(_OFFSET_SIGMAS * sigma, limit)]
    return odd


def _spread(pixels: _Pixels, invalid: _Mask) -> float:
    """Take the standard deviation of a sample of the valid pixels; 0 where there are none."""
    sample = pixels[::7, ::7][~invalid[::7, ::7]]
    return float(np.std(sample, dtype=np.float64)) if sample.size else 0.0


def _describe(constant: _Mask) -> list[str]:
    """Say where constant pixels lie: borders, whole lines, patches."""
    if constant.all():
        return ["all pixels lie in constant areas"]
    remarks = []
    full = [np.asarray(constant.all(axis=axis)) for axis in (1, 0)]
    widths = [_border(lines[::step]) for lines in full for step in (1, -1)]
    if any(widths):
        sides = zip(widths, ("top", "bottom", "left", "right"), strict=True)
        found = ", ".join(f"{width} at the {side}" for width, side in sides if width)
        remarks.append(f"a constant border ({found}; in pixels)")
    top, bottom, left, right = widths
    inner = constant[top : len(full[0]) - bottom, left : len(full[1]) - right]
    rows, columns = (inner.mean(axis=axis) >= _DEAD for axis in (1, 0))
    for dead, name, first in ((rows, "row", top), (columns, "column", left)):
        if dead.any():
            remarks.append(_lines(np.flatnonzero(dead) + first, name, "constant"))
    patches = inner & ~rows[:, None] & ~columns
    return remarks + _count(patches, "{} lie in saturated patches or parts of constant lines")


def _border(full: _Mask) -> int:
    return int(np.argmin(full))


def _lines(places: npt.NDArray[np.intp], name: str, what: str) -> str:
    shown = ", ".join(str(place + 1) for place in places[:5])
    more = f" and {places.size - 5} more" if places.size > 5 else ""
    verb = "is" if places.size == 1 else "are"
    return f"{name}{'s' if places.size > 1 else ''} {shown}{more} {verb} {what}"


def _count(mask: _Mask, sentence: str) -> list[str]:
    count = np.count_nonzero(mask)
    share = 100 * count / max(mask.size, 1)
    return [sentence.format(f"{count} pixels ({share:.2g} %)")] if count else []
