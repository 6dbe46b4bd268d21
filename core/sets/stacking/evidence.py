"""What a set's own images tell of estimates: how well they agree with the truth, and how sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Interval(NamedTuple):
    """A number that was told, and where it lies in 95 of 100 sets."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Told:
    """What is told of one estimate.

    Attributes
    ----------
    name
        Of the estimate.
    correlation, box_correlation
        With the truth, of all images together, within the particle and in the whole box; None where
        the images do not show more than their noise, or where it surely would be above 1, so that
        their noise is not what it was taken for.
    noise_removed
        Part of the noise's power within the particle that is not in the estimate any more; what
        the estimate takes from the truth counts as noise.
    curve
        The correlation within the particle at each of the evidence's resolutions.
    """

    name: str
    correlation: Interval | None
    box_correlation: Interval | None
    noise_removed: Interval
    curve: tuple[Interval | None, ...]


@dataclass(frozen=True)
class Evidence:
    """What a set's own images tell of its estimates.

    Attributes
    ----------
    images
        That it was told from.
    radius, pixel_size
        Of the particle, Å; Å of the images.
    resolutions
        Of the curves, Å: the middles of bands of equal width in frequency.
    told
        By estimate; the raw image first and the result last.
    """

    images: int
    radius: float
    pixel_size: float
    resolutions: tuple[float, ...]
    told: tuple[Told, ...]

    def of(self, name: str) -> Told:
        """Give what is told of one estimate."""
        return next(one for one in self.told if one.name == name)

    def plain(self) -> dict[str, Any]:
        """Give the same as lists and numbers with four decimals, for a record."""
        return {
            "images": self.images,
            "radius": round(self.radius, 2),
            "pixel_size": round(self.pixel_size, 4),
            "resolutions": [round(resolution, 2) for resolution in self.resolutions],
            "told": [
                {
                    "name": one.name,
                    "correlation": _plain(one.correlation),
                    "box_correlation": _plain(one.box_correlation),
                    "noise_removed": _plain(one.noise_removed),
                    "curve": [_plain(each) for each in one.curve],
                }
                for one in self.told
            ],
        }


def evidence_from(plain: Mapping[str, Any]) -> Evidence:
    """Give the evidence of which `Evidence.plain` told; ValueError and the like where none did."""
    told = tuple(
        Told(
            str(one["name"]),
            _read(one["correlation"]),
            _read(one["box_correlation"]),
            Interval(*map(float, one["noise_removed"])),
            tuple(map(_read, one["curve"])),
        )
        for one in plain["told"]
    )
    radius, pixel_size = float(plain["radius"]), float(plain["pixel_size"])
    resolutions = tuple(map(float, plain["resolutions"]))
    return Evidence(int(plain["images"]), radius, pixel_size, resolutions, told)


def _plain(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(value, 4) for value in interval]


def _read(values: Sequence[float] | None) -> Interval | None:
    return None if values is None else Interval(*map(float, values))
