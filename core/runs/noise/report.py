"""What a run that cuts noise blocks leaves to be read: its report, lists and last lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from ...figures.noise_gallery import (
    block_page,
    block_strip,
    picture_page,
    spectrum_page,
    statistics_page,
    table_page,
)
from ...figures.pages import write_pages
from ...figures.text_page import text_page
from ...images.disk import write_file
from ...images.star.writer import loop, write_blocks
from ...noise.bank import TABLE, NoiseBank
from ...noise.inspection import describe, inspect
from ...wording import counted
from .micrograph_cutting import sampled
from .options import COUNTS, OVERLAYS, REMARKS, UNREADABLE, NoiseOptions
from .record import NoiseRecord
from .summary import Summary

PICTURES = 6
ADVICE = (
    "Look at the overlays first: blue squares are the blocks, green outlines particles, red ones "
    "pollution. A blue square on anything but ice spoils the bank: give picks or masks, or a "
    "larger margin.",
    "The two curves of the spectrum page should lie close to each other. Where that of all empty "
    "ice is higher at 20 to 100 Å, it holds particles that nobody labelled; the blocks were kept "
    "away from those.",
)


def report(options: NoiseOptions, bank: NoiseBank, summary: Summary, record: NoiseRecord) -> None:
    """Write the report of a run that has its bank.

    Parameters
    ----------
    options, bank, summary
        Of the run.
    record
        The run's record so far.
    """
    seen = inspect(bank)
    regions = [f.region for f in summary.read if f.region]
    pages = [
        text_page(
            "iceblock: noise blocks",
            _lines(options, bank, record),
            [*record.warnings, *ADVICE],
            block_strip(bank),
            bank.pixel_size,
        ),
        *_pictures(options, summary),
        block_page(bank),
        spectrum_page(
            seen,
            np.array(regions) if regions else None,
            "Radial power spectra: blocks, and all the empty ice of the same micrographs",
        ),
        statistics_page(seen),
        table_page("The bank in numbers", describe(seen)),
    ]  # fmt: skip
    write_pages(options.out / options.report, pages)


def write_lists(options: NoiseOptions, summary: Summary) -> None:
    """Write the counts by micrograph, and where there are any the remarks and unreadable files."""
    read = summary.read
    columns: dict[str, list[object]] = {
        "rlnMicrographName": [facts.name for facts in read],
        "rlnIceblockBlocks": [facts.blocks for facts in read],
        "rlnIceblockBackground": [f"{facts.background:.4f}" for facts in read],
        "rlnIceblockRejected": [sum(facts.rejected.values()) for facts in read],
        "rlnIceblockPicks": [-1 if facts.picks is None else facts.picks for facts in read],
    }
    if read:
        write_blocks(options.out / COUNTS, loop("micrographs", columns))
    unreadable = [summary.unreadable[number] for number in sorted(summary.unreadable)]
    for name, lines in ((REMARKS, summary.remarks()), (UNREADABLE, unreadable)):
        if lines:
            write_file(options.out / name, "\n".join([*lines, ""]))
        else:
            (options.out / name).unlink(missing_ok=True)  # of a run that was stopped before


def last_lines(options: NoiseOptions, record: NoiseRecord) -> str:
    """Say in a few lines what was made and where it is."""
    more = f" and {record.synthetic} synthetic ones" if record.synthetic else ""
    lines = [
        f"{counted(record.blocks, 'noise block')} of {options.box} px{more} from "
        f"{record.with_blocks} of {counted(record.micrographs, 'micrograph')}",
        f"  {options.out / TABLE}",
        f"  {options.out / options.report}",
    ]
    return "\n".join(lines)


def _lines(options: NoiseOptions, bank: NoiseBank, record: NoiseRecord) -> list[tuple[str, str]]:
    settings = options.settings()
    rejected = ", ".join(f"{count} {reason}" for reason, count in record.rejected.items())
    skipped = f", {record.skipped} skipped" if record.skipped else ""
    return [
        ("micrographs", f"{record.micrographs}: {record.with_blocks} with blocks"
         f"{skipped}, {record.unreadable} unreadable"),
        ("picks", str(options.picks or "none: the segmentation alone")),
        ("masks of pollution", str(options.masks or "none")),
        ("box, pixel size", f"{bank.box} px, {bank.pixel_size:.4g} Å: "
         f"{bank.box * bank.pixel_size:.0f} Å across"),
        ("particle diameter", f"{options.particle_diameter:g} Å"),
        ("blocks", f"{record.blocks} real, {record.synthetic} synthetic"),
        ("left out", rejected or "none"),
        ("at most", f"{settings.per_micrograph or 'any number of'} blocks a micrograph, overlapping"
         f" by {100 * settings.overlap:.0f} % of their area"),
        ("margin", f"{settings.margin:g} Å around particles and pollution"),
        ("segmentation", options.model),
        ("units", "standard deviations of each micrograph's background; plane removed, mean 0"),
    ]  # fmt: skip


def _pictures(options: NoiseOptions, summary: Summary) -> list[Figure]:
    """Show the overlays of some micrographs, spread over all; those with no block count too."""
    shown = []
    for number in sampled(len(summary.micrographs), PICTURES):
        facts = summary.facts.get(number)
        path = options.out / OVERLAYS / f"{facts.output}.png" if facts else None
        if facts is None or path is None or not path.is_file():
            continue
        part = f"{100 * facts.background:.0f} % background"
        shown.append((f"{facts.name}: {counted(facts.blocks, 'block')}, {part}", _read(path)))
    title = "What was found in the micrographs, and the blocks that were cut"
    return [picture_page(shown, title)] if shown else []


def _read(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
