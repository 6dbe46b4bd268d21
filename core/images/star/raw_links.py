"""The columns of a STAR file by which denoised particles know their raw images.

RELION's rlnImageOriginalName is the image that a particle's image was made from: RELION's Particle
subtraction writes it, and its option `revert` puts it back. Subtracted or re-boxed particles that
are denoised have such a link already, to an image of another kind. So what was denoised has a
column of its own, and the link that was there has another, until the raw images are put back.
rlnImageOriginalName itself names what was denoised: RELION's own revert then gives images that fit
the other columns.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..denoised_mark import is_of_iceblock
from ..image_set import ImageSet
from ..project_root import starts_at
from .image_names import absolute_names, same_image
from .tokens import is_missing

IMAGE, ORIGINAL = "_rlnImageName", "_rlnImageOriginalName"
RAW = "_rlnIceblockRawImageName"
"""What was denoised."""
OLDER = "_rlnIceblockOlderOriginalName"
"""rlnImageOriginalName as it was before; only where there was such a column."""
NAMES_OF_IMAGES = (IMAGE, ORIGINAL, RAW, OLDER)

Columns = Mapping[str, Sequence[str] | None]
"""The tokens of some of these columns; None for one that is not there, or is left out."""


def linked(columns: Columns, again: Sequence[bool] | None) -> dict[str, Sequence[str] | None]:
    """Give the links of particles that get denoised images.

    Parameters
    ----------
    columns
        All of `NAMES_OF_IMAGES`, before.
    again
        (N,) whether a particle's image is denoised already; its link to the raw one stays then.

    Returns
    -------
    links
        All but rlnImageName.
    """
    images, original, raw, older = (columns[tag] for tag in NAMES_OF_IMAGES)
    assert images is not None
    if raw is None and (again is None or not any(again)):
        return {ORIGINAL: images, RAW: images, OLDER: original}
    new_raw, new_older = [], []
    for row, image in enumerate(images):
        denoised = again is not None and again[row]
        known = raw[row] if raw is not None else ""
        first = original[row] if original is not None else "None"
        if not is_missing(known):
            # Extracted anew, a particle has another raw image than its column says.
            new_raw.append(known if denoised else image)
            new_older.append(older[row] if older is not None else "None")
        elif denoised and not is_missing(first):  # an old version had rlnImageOriginalName alone
            new_raw.append(first)
            new_older.append("None")
        else:
            new_raw.append(image)
            new_older.append(first)
    some = not all(is_missing(token) for token in new_older)
    return {ORIGINAL: new_raw, RAW: new_raw, OLDER: new_older if some else None}


def unlinked(columns: Columns) -> dict[str, Sequence[str] | None] | None:
    """Give the columns of particles that get their raw images back; None where nothing tells them.

    Parameters
    ----------
    columns
        All of `NAMES_OF_IMAGES`, before. Without `RAW`, as old versions wrote them, the raw images
        are those of rlnImageOriginalName.
    """
    raw = columns[RAW] if columns[RAW] is not None else columns[ORIGINAL]
    if raw is None:
        return None
    return {IMAGE: raw, ORIGINAL: columns[OLDER], RAW: None, OLDER: None}


def denoised_rows(names: Sequence[str], raw: Sequence[str] | None) -> npt.NDArray[np.bool_]:
    """Tell (N,) which images are denoised: their raw ones, if any are named, are other images."""
    if raw is None:
        return np.zeros(len(names), dtype=np.bool_)
    pairs = zip(names, raw, strict=True)
    return np.array([not (is_missing(token) or same_image(name, token)) for name, token in pairs])


def refuse_originals_of_others(images: ImageSet) -> None:
    """Refuse a rlnImageOriginalName that RELION wrote: it leads from raw images to others."""
    for stack in images.stacks:
        try:
            path = images.path_of(stack)
        except IceblockError:
            return
        if path.exists() and not is_of_iceblock(path):
            raise IceblockError(
                f"{images.source} has no {RAW[1:]}, and iceblock did not denoise {stack}: its "
                f"{ORIGINAL[1:]} is RELION's own link, of subtracted particles for example; "
                "name a STAR file of denoised particles"
            )


def names_in(path: Path, images: ImageSet, edits: Columns) -> Columns:
    """Give edited columns with the names of images as they are to stand in the file `path`."""
    columns = {tag: edits[tag] for tag in NAMES_OF_IMAGES if edits.get(tag)}
    try:
        root = images.root if columns else None
    except IceblockError:  # no images are there, so nobody can tell where the names start
        root = None
    if root is None or starts_at(path, root, images.source, images.stacks):
        return edits
    made = {tag: absolute_names(tokens or (), root) for tag, tokens in columns.items()}
    return {**edits, **made}
