"""The pictures of a comparison: Figures 6, 7 and 8 of the paper, and profiles with residuals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ...compare.figures import NOISY, TRUTH, methods_page, profiles_page, residuals_page
from ...figures.gallery import normalise
from ...figures.pages import write_pages, write_picture
from .inputs import Inputs, Sheet
from .options import FIGURES, PAGES, CompareOptions
from .real import Real
from .rows import SHOWN, Result

Images = npt.NDArray[np.float32]

FEATURELESS = ("zero", "constant", "set mean")
"""Rows of the table that have nothing to show."""
DPI = 90


def draw(
    options: CompareOptions, inputs: Inputs, results: Sequence[Result], real: Real | None
) -> None:
    """Write every figure as a PNG, and all of them as the pages of a PDF."""
    pages = figures(inputs, results, real)
    for name, figure in pages.items():
        write_picture(options.out / FIGURES / f"{name}.png", figure, DPI)
    write_pages(options.out / PAGES, [*pages.values()])


def figures(inputs: Inputs, results: Sequence[Result], real: Real | None) -> dict[str, Figure]:
    """Make the figures by their file names.

    Figures 6 and 7 show a set each (weak and strong noise by default), the next ones profiles and
    residuals; Figure 8 has the models side by side, on real particles where there are some.
    """
    found: dict[str, Figure] = {}
    for number, sheet in enumerate(inputs.sheets):
        name = sheet.scored.name
        title = f"{name}: the same particles after every method"
        found[f"figure{6 + number if number < 2 else f'_set{number + 1}'}"] = methods_page(
            title, _rows(sheet, results), sheet.scored.pixel_size
        )
    for number, sheet in enumerate(inputs.sheets):
        name = sheet.scored.name
        rows = _telling(sheet, results)
        title = f"{name}: each image brought to the truth's scale"
        found[f"profiles{number + 1}"] = profiles_page(title, rows, sheet.scored.pixel_size)
        found[f"residuals{number + 1}"] = residuals_page(
            f"{name}: image − truth", rows, sheet.scored.pixel_size
        )
    if models := _models(inputs, results, real):
        found["figure8"] = models
    return found


def _rows(sheet: Sheet, results: Sequence[Result]) -> dict[str, Images]:
    """Images of all methods that have something to show, the truth last."""
    name = sheet.scored.name
    rows = {
        result.row.name: result.shown[name]
        for result in results
        if result.row.name not in FEATURELESS and result.row.kind != "truth"
    }
    return {**rows, TRUTH: sheet.scored.clean[:SHOWN].cpu().numpy()}


def _telling(sheet: Sheet, results: Sequence[Result]) -> dict[str, Images]:
    """Raw, the filter that correlates best, the oracle, all networks, the truth."""
    name = sheet.scored.name

    def correlation(result: Result) -> float:
        found = result.row.scores[name].interval("correlation")
        return -1.0 if found is None else found[0]

    filters = [result for result in results if result.row.kind == "filter"]
    best = max(filters, key=correlation).row.name
    kept = {NOISY, best, TRUTH}
    kept |= {r.row.name for r in results if r.row.kind in ("oracle", "trained", "ours")}
    return {key: images for key, images in _rows(sheet, results).items() if key in kept}


def _models(inputs: Inputs, results: Sequence[Result], real: Real | None) -> Figure | None:
    """Show models side by side; None where there is one model and no real particle."""
    networks = [r for r in results if r.row.kind in ("trained", "ours")]
    if real is not None:
        rows = {NOISY: normalise(real.images) * real.contrast}
        rows |= {r.row.name: r.real for r in networks if r.real is not None}
        return methods_page("Real particles after each network", rows, real.pixel_size)
    ours = [r for r in networks if r.row.kind == "ours"]
    if len(ours) < 2:
        return None
    sheet = inputs.sheets[-1]
    name = sheet.scored.name
    rows = {NOISY: sheet.scored.noisy[:SHOWN].cpu().numpy()}
    rows |= {r.row.name: r.shown[name] for r in ours}
    rows[TRUTH] = sheet.scored.clean[:SHOWN].cpu().numpy()
    title = f"{name}: models that learned from different noise or pairs"
    return methods_page(title, rows, sheet.scored.pixel_size)
