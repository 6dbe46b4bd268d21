"""The micrographs of a run with what is known of each: picks, and masks of pollution."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.denoised_mark import is_denoised
from ..images.micrographs.picks import Picks, read_picks
from ..images.micrographs.reader import (
    Micrograph,
    MicrographImage,
    list_micrographs,
    read_micrograph,
)
from ..images.output_plan import output_names
from ..segment.masks import find_masks, fit_mask, read_mask
from .stamps import fingerprint, sampled_all


@dataclass(frozen=True)
class Labelled:
    """One micrograph and what is known of it."""

    micrograph: Micrograph
    output: str
    """Name for its output files, without an ending; no two micrographs have the same."""
    picks: npt.NDArray[np.float64] | None
    """(n, 2) y, x in pixels; None where the picks do not list it."""
    mask: Path | None

    def read(self) -> tuple[MicrographImage, npt.NDArray[np.bool_] | None]:
        """Read the pixels, and the pollution mask (ny, nx) where there is one."""
        image = read_micrograph(self.micrograph)
        if self.mask is None:
            return image, None
        mask = read_mask(self.mask, self.micrograph.path)
        return image, fit_mask(mask, (image.pixels.shape[0], image.pixels.shape[1]))


def gather(
    micrographs: Sequence[Path],
    picks: Path | None,
    masks: Path | None,
    pixel_size: float | None,
) -> tuple[list[Labelled], Picks | None]:
    """List micrographs with their picks and masks.

    Parameters
    ----------
    micrographs, pixel_size
        See `images.micrographs.list_micrographs`.
    picks
        See `images.picks.read_picks`.
    masks
        A folder; see `segment.masks.find_masks`.

    Returns
    -------
    labelled
        One for each micrograph.
    picks
        As read.

    Raises
    ------
    IceblockError
        For micrographs that iceblock has denoised, and as the readers do.
    """
    found = list_micrographs(micrographs, pixel_size)
    again = next((one.path for one in found if is_denoised(one.path)), None)
    if again is not None:
        raise IceblockError(
            f"{again} is a micrograph that iceblock denoised, and its noise is gone: name the raw "
            "micrographs"
        )
    known = read_picks(picks, found) if picks is not None else None
    painted = find_masks(masks, found) if masks is not None else {}
    names = output_names([one.name for one in found], "")
    labelled = [
        Labelled(m, name, known.of(m.name) if known else None, painted.get(m.name))
        for m, name in zip(found, names, strict=True)
    ]
    return labelled, known


def fingerprints(labelled: Sequence[Labelled]) -> dict[str, Any]:
    """Fingerprint all that is known of micrographs; what a run made of them depends on it."""
    files, picks = hashlib.sha256(), hashlib.sha256()
    there = (one.micrograph.path for one in labelled if one.micrograph.path.is_file())
    contents = sampled_all(there)
    for one in labelled:
        stamp = contents.get(one.micrograph.path, "missing")
        files.update(
            f"{one.output}\0{one.micrograph.pixel_size}\0{stamp}\n".encode(errors="surrogateescape")
        )
        picks.update(b"none" if one.picks is None else one.picks.tobytes())
        picks.update(b"\0")
    return {
        "micrographs": files.hexdigest(),
        "picks": picks.hexdigest(),
        "masks": [fingerprint(one.mask) for one in labelled if one.mask],
    }
