"""Pixels that stand out from an image and from all that surrounds them: no particle looks so.

Hot and dead pixels, hits of X-rays, small clusters of them, dead lines, and spots of gold or ice of
a few pixels. They are told from particles, however strong, by how few pixels of the image, and of
the neighbourhood, are nearly as far from the background's mean.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

FAR = 7.0
"""Standard deviations of the background below which no pixel is an outlier."""
TOLD = 10.0
"""Standard deviations that an outlier has in an image that is counted: weaker ones do no harm."""
TIMES = 3.0
"""An outlier is so many times as far as all but a few pixels of the image and of the surroundings.
"""
FEW, FEW_NEARBY = 0.05, 0.2
"""Part of the pixels of an image, and of the surroundings, that may be outliers."""
SURROUNDINGS = 13
"""Pixels: side of the square about a pixel that it is compared with."""
_RIM = SURROUNDINGS // 2
_PATCH = 7  # pixels: side of the square whose mean takes an outlier's place
_EVERY = 7  # pixels; a sample that lines up with no row or column


def without_outliers(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Replace outlying pixels by the mean of those about them.

    Parameters
    ----------
    images : (n, box, box)
        In standard deviations of the background, whose mean is 0. They are changed in place.

    Returns
    -------
    images : (n, box, box)
        The same tensor.
    counts : (n,) int64
        Outlying pixels of each image; 0 where none of them is beyond `TOLD`.
    """
    counts = torch.zeros(len(images), dtype=torch.long, device=images.device)
    if not images.numel():
        return images, counts
    furthest = torch.maximum(images.amax(dim=(1, 2)), -images.amin(dim=(1, 2)))
    for row in (furthest > FAR).nonzero()[:, 0].tolist():
        counts[row] = _mend(images[row])
    return images, counts


def _mend(image: torch.Tensor) -> int:
    """Replace the outlying pixels of one image in place; returns their number, if one is strong."""
    distance = image.abs()
    limit = max(FAR, TIMES * float(_all_but(FEW, distance.flatten()[::_EVERY])))
    side = image.shape[-1] + 2 * _RIM
    rim = (_RIM,) * 4
    distance = F.pad(distance, rim).flatten()
    places = (distance > limit).nonzero()[:, 0]
    nearby = _all_but(FEW_NEARBY, distance[_squares(places, SURROUNDINGS, side)])
    found = places[distance[places] > TIMES * nearby]
    # Neighbours, too: what a hot pixel has lent them when the image was shifted or scaled.
    about = _squares(found, 3, side).flatten()
    about = about[distance[about] > limit / 2]
    inside = F.pad(torch.ones_like(image, dtype=torch.bool), rim).flatten()
    outlying = torch.zeros_like(inside)
    outlying[found] = outlying[about] = True
    places = outlying.nonzero()[:, 0]
    squares = _squares(places, _PATCH, side)
    kept = (inside & ~outlying)[squares]
    values = F.pad(image, rim).flatten()[squares]
    means = torch.where(kept, values, 0.0).sum(dim=1) / kept.sum(dim=1).clamp(min=1)
    image[places // side - _RIM, places % side - _RIM] = means
    return len(places) if bool((distance[found] > TOLD).any()) else 0


def _all_but(part: float, values: torch.Tensor) -> torch.Tensor:
    """Give what all but a part of the values (..., n) stay below."""
    return values.sort(dim=-1).values[..., int((1 - part) * values.shape[-1])]


def _squares(places: torch.Tensor, width: int, side: int) -> torch.Tensor:
    """Places (k, width²) in squares about each of k places of a flattened image of `side` rows."""
    d = torch.arange(width, device=places.device) - width // 2
    return places[:, None] + (side * d[:, None] + d).flatten()
