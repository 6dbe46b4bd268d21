"""Smaller blocks, where the ice between particles has no room for those of the box that was asked.

Few large blocks teach less of the noise than many small ones, which show its spectrum.
"""

from __future__ import annotations

import shutil

from ...noise.bank_writer import WORK
from ...remarks import warn
from ...wording import counted
from .options import OVERLAYS, NoiseOptions

LEAST_BLOCKS = 20
"""Blocks below which smaller ones are tried."""
SMALLEST_BLOCK = 32
"""Pixels, below which a block tells too little of the noise to try."""


def smaller_box(asked: int, options: NoiseOptions, found: int) -> int | None:
    """Choose the box of smaller blocks, where those of `options` were too few.

    Parameters
    ----------
    asked
        The box that the user asked for, pixels.
    options
        With the box that was tried.
    found
        Number of blocks.

    Returns
    -------
    box
        Half of the box that was tried, even, at least a quarter of the one that was asked for and
        at least `SMALLEST_BLOCK`, pixels. None where the blocks are to be kept: they are enough, or
        as small as can be, or few were asked for.
    """
    half = max(SMALLEST_BLOCK, options.box // 4 * 2, asked // 8 * 2)
    enough = found >= LEAST_BLOCKS or options.per_micrograph is not None
    return None if enough or half >= options.box else half


def give_up(options: NoiseOptions, found: int, box: int) -> None:
    """Clear away what blocks of a larger box left, and say that smaller ones are cut.

    Parameters
    ----------
    options
        With the larger box.
    found
        Number of blocks of the larger box.
    box
        The smaller one, pixels.
    """
    verb = "fits" if found == 1 else "fit"
    fit = f"Only {counted(found, 'noise block')} of {options.box} pixels {verb}"
    if not found:
        fit = f"No noise block of {options.box} pixels fits"
    warn(
        f"{fit} into the empty ice, and at least {LEAST_BLOCKS} are needed: blocks of {box} pixels "
        "are cut instead."
    )
    for name in (WORK, OVERLAYS):
        shutil.rmtree(options.out / name, ignore_errors=True)
