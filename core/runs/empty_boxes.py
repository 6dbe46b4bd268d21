"""How many boxes of a set look empty or contaminated, for runs that do not select particles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..console import Console
from ..images.output_plan import StackJob
from ..remarks import warn
from ..signal.ctf import CtfParameters
from ..wording import counted
from .classify.images import StackImages, choose_field
from .denoise.record import BoxCounts
from .samples import sampled
from .select.scoring import score_images

FEWEST, MOST = 100, 1000
"""Images that are looked at: of fewer nothing can be told, and more would take too long."""
MANY = 0.02
"""Part of the images from which on they are worth a warning."""


def tell_boxes(counts: BoxCounts) -> None:
    """Warn of boxes that look empty or contaminated, where there are many."""
    found = {"look empty": counts.empty, "look contaminated": counts.contaminated}
    few = max(1.0, MANY * counts.looked_at)
    said = [f"{number} {verb}" for verb, number in found.items() if number >= few]
    if not said:
        return
    boxes = counted(counts.looked_at, "box", "boxes")
    if counts.looked_at < counts.of:
        boxes = f"{boxes} that were looked at, of {counts.of} in all"
    warn(f"{' and '.join(said)} ({boxes}): `iceblock select` leaves such boxes out.")


def count_boxes(
    jobs: Sequence[StackJob],
    ctf: CtfParameters | None,
    optics_groups: npt.NDArray[np.int32],
    console: Console,
) -> BoxCounts | None:
    """Count the boxes of a sample that look empty or contaminated, as a selection would.

    Parameters
    ----------
    jobs
        Whose images are looked at; their contrasts are settled.
    ctf, optics_groups
        Of all rows.
    console
        Shows a bar.

    Returns
    -------
    counts
        None where there are less than `FEWEST` images.
    """
    total = sum(len(job.indices) for job in jobs)
    if total < FEWEST:
        return None
    plan = sampled(jobs, MOST)
    signs = [job.contrast or 1 for job in plan.jobs]
    field = choose_field(plan, None)
    known = None if ctf is None else ctf.filled()
    source = StackImages(plan, field, signs, known, optics_groups)
    scored = score_images(source, plan, field, signs, console)
    return BoxCounts(
        len(scored.score), total, int(scored.empty.sum()), int(scored.contaminated.sum())
    )
