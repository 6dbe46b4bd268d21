"""The report of a denoising run: what was done, before and after, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ..denoise.model_file import ModelCard
from ..denoise.views import seen_by_network
from .gallery import gallery, spectra, strip
from .pages import write_pages
from .sample import Sample
from .text_page import text_page

ADVICE = (
    "Use the denoised images for looking and for picking out good particles; classify and refine "
    "the raw particles (iceblock classify, RELION), because denoised images are not independent "
    "of what the network and the set have shown."
)


def range_warnings(card: ModelCard, pixel_size: float, working_box: int) -> list[str]:
    """Sentences for what lies outside the range that a model was trained for.

    Parameters
    ----------
    card
        Of the model.
    pixel_size
        Å, of the images that the network sees (after cropping to the working pixel size).
    working_box
        Pixels, likewise.
    """
    warnings = []
    low, high = card.pixel_size_range
    if not 0.95 * low <= pixel_size <= 1.05 * high:
        warnings.append(
            f"Out of range: the network sees {pixel_size:.2f} Å/px and was trained for "
            f"{low:.1f}–{high:.1f} Å/px; compare the pictures with care."
        )
    if working_box < card.box_range[0] or working_box > 2 * card.box_range[1]:
        warnings.append(
            f"Out of range: the network sees boxes of {working_box} pixels and was trained on "
            f"{card.box_range[0]}–{card.box_range[1]}; compare the pictures with care."
        )
    return warnings


def write_report(
    path: Path,
    sample: Sample,
    card: ModelCard,
    facts: list[tuple[str, str]],
    texts: list[str],
    further: Sequence[Figure] = (),
) -> None:
    """Write the report as a PDF, whole or not at all.

    Parameters
    ----------
    path
        report.pdf, or logfile.pdf for RELION.
    sample
        Particles to show.
    card
        Of the model.
    facts
        Label and value pairs for the first page.
    texts
        Paragraphs below them: warnings and remarks of this run, `ADVICE`, and the way back to
        the raw images.
    further
        Pages at the end.
    """
    _, seen = seen_by_network(sample.raw.shape[-1], sample.pixel_size, card.working_pixel_size)
    title = "iceblock: denoised particles"
    pages = [
        text_page(title, facts, texts, strip(sample), sample.pixel_size),
        gallery(sample, f"Before and after, model {card.name}"),
        spectra(sample.raw, sample.denoised, sample.pixel_size, 2 * seen),
        *further,
    ]
    write_pages(path, pages)
