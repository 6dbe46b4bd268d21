"""The columns of a STAR file by which denoised particles know their raw images.

RELION's rlnImageOriginalName is the image that a particle's image was made from: RELION's Particle
subtraction writes it, and its option `revert` puts it back. Subtracted or re-boxed particles that
are denoised have such a link already, to an image of another kind. So what was denoised has a
column of its own, and the link that was there has another, until the raw images are put back.
rlnImageOriginalName itself names what was denoised: RELION's own revert then gives images that fit
the other columns.
"""

from collections.abc import Mapping, Sequence

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
