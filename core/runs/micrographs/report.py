"""The report of a run that denoises micrographs: figures, and some micrographs to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ...figures.before_after import page as picture_page
from ...figures.pages import write_pages
from ...figures.text_page import text_page
from ...wording import counted
from .one import Facts
from .options import PICTURES, MicrographsOptions
from .record import MicrographsRecord

SHOWN = 6
"""Micrographs in the report, spread over all."""
ADVICE = (
    "Denoised micrographs are for looking and for picking. Extract particles from the raw ones: "
    "`iceblock restore` puts the raw micrographs' names back into picks and particles.",
    "Red outlines are pollution: carbon, ice crystals, dirt and defects. There the micrograph is "
    "flat and not denoised. Where a red outline is on particles, give the particle diameter.",
)


def report(options: MicrographsOptions, record: MicrographsRecord, facts: Sequence[Facts]) -> None:
    """Write the report."""
    lines = [
        ("input", ", ".join(map(str, options.micrographs))),
        ("micrographs", _counts(record)),
        ("particle diameter", f"{record.particle_diameter:g} Å"),
        ("network sees", f"{record.working_pixel_size:g} Å per pixel"),
        ("pollution", f"{100 * record.pollution:.1f} % of all"),
        ("left in empty ice", f"{record.floor:.3f} of the raw standard deviation"),
        ("result", f"{record.strength:g} x network + {record.low_pass:g} x low-pass (medians)"),
        ("time", f"{record.total_seconds} s"),
    ]
    pages = [text_page("iceblock: denoised micrographs", lines, [*record.warnings, *ADVICE])]
    for place in np.unique(np.linspace(0, len(facts) - 1, min(SHOWN, len(facts))).astype(int)):
        one = facts[int(place)]
        with Image.open(options.out / PICTURES / f"{one.output}.png") as picture:
            title = f"{one.name}: raw, smoothed for the eye (left), and denoised (right)"
            pages.append(picture_page(title, np.asarray(picture.convert("RGB"))))
    write_pages(options.out / options.report, pages)


def last_lines(options: MicrographsOptions, record: MicrographsRecord) -> str:
    """Say what was made."""
    lines = [f"{_counts(record)} denoised: {record.total_seconds} s"]
    lines += [f"  {options.out / name}" for name in options.outputs]
    return "\n".join(lines)


def _counts(record: MicrographsRecord) -> str:
    said = counted(record.micrographs, "micrograph")
    return f"{said}, {record.unreadable} unreadable" if record.unreadable else said
