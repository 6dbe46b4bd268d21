"""The report of a selection: the border, and what lies on either side of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ...denoise.inference import Denoiser
from ...denoise.model_file import load_model
from ...denoise.shipped import WITHOUT_CTF, find_model
from ...figures.pages import write_pages, write_picture
from ...figures.selection import Shown, histogram_page, micrograph_page, montage_page
from .choice import Choice
from .inputs import Work
from .options import PICTURE, SelectOptions
from .pictures import read_places, same_kind
from .record import SelectRecord
from .scoring import Scored

EACH = 8
"""Particles of a group in the montage."""


def report(
    options: SelectOptions,
    work: Work,
    scored: Scored,
    choice: Choice,
    record: SelectRecord,
    signs: Sequence[int],
) -> None:
    """Write the report, and its first page as a picture."""
    place = work.place_of_row
    scores = scored.score[place]
    facts = [
        ("input", str(options.particles)),
        ("kept", f"{record.kept} of {record.particles}: {record.chosen_by}"),
        ("populations", _populations(record)),
        ("contamination", f"{record.contaminated} with far more contrast than is usual"),
        ("looked at in", f"a circle of {record.diameter:g} Å"),
        ("time", f"{record.total_seconds} s"),
    ]
    groups = _groups(scored.score, choice.border, same_kind(work.plan) & scored.usable)
    shown = _shown(work, scored, signs, groups) if groups else None
    first = histogram_page(scores, choice.kept, choice.border, facts, record.warnings, shown)
    write_picture(options.out / PICTURE, first, 100)
    pages = [first] if shown is None else [first, montage_page(shown)]
    pages += [micrograph_page(record.micrographs)] if record.micrographs else []
    write_pages(options.out / options.report, pages)


def _populations(record: SelectRecord) -> str:
    if record.populations == 1:
        return "one: no valley in the histogram of scores"
    return f"two: {record.empty} boxes look empty"


def _groups(
    scores: npt.NDArray[np.float64], border: float | None, usable: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.int64]]:
    """Give images for the montage: the best, those about the border, and the worst."""
    order = np.flatnonzero(usable)
    order = order[np.argsort(-scores[order], kind="stable")]
    if len(order) < 3 * EACH:
        return {"all, best first": order} if len(order) else {}
    limit = border if border is not None else float(np.median(scores[order]))
    about = int(np.searchsorted(-scores[order], -limit, side="right"))
    start = int(np.clip(about - EACH // 2, EACH, len(order) - 2 * EACH))
    middle = "about the border" if border is not None else "about the median"
    return {
        "best": order[:EACH], middle: order[start : start + EACH], "worst": order[-EACH:],
    }  # fmt: skip


def _shown(
    work: Work, scored: Scored, signs: Sequence[int], groups: dict[str, npt.NDArray[np.int64]]
) -> Shown:
    places = np.concatenate(list(groups.values()))
    raw = read_places(work.plan, signs, places)
    pixel_size = work.plan.jobs[0].pixel_size
    denoiser = Denoiser(load_model(find_model(WITHOUT_CTF)), torch.device("cpu"))
    denoised, _ = denoiser(raw, pixel_size)
    return Shown(
        raw, denoised, scored.score[places], {name: len(part) for name, part in groups.items()},
        pixel_size,
    )  # fmt: skip
