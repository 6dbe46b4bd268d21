"""What is told of images with outlying pixels, by every run that looks past them."""

from __future__ import annotations

from pathlib import Path

from ..remarks import warn


def tell_outliers(count: int, listed: Path | None = None) -> None:
    """Warn of images that were looked at without their outlying pixels.

    Parameters
    ----------
    count
        Of such images; nothing is said for 0.
    listed
        The file that names them.
    """
    if count:
        of_them = "1 image holds" if count == 1 else f"{count} images hold"
        warn(
            f"{of_them} pixels far outside the range of all others (hot or dead pixels, dead "
            "lines, small bright or dark spots); iceblock looked at the mean of their "
            "surroundings in their place. The raw images are as they were."
        )
        if listed is not None:
            warn(f"{listed} lists the images with such pixels.")
