"""Pages of reports: nothing leaves the frame, and labels stand where they belong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from core.figures.gallery import LEAST_POWER, gallery, spectra
from core.figures.montage import montage
from core.figures.sample import Sample
from core.figures.text_page import text_page
from core.signal.fourier import smooth as smoothed

IMAGES = np.zeros((9, 16, 16), np.float32)
ROWS = {"raw": (IMAGES, 1.0), "denoised": (IMAGES, 1.0)}


def sample(contrast: int = 1, n: int = 20) -> Sample:
    raw = np.random.default_rng(0).standard_normal((n, 32, 32)).astype(np.float32)
    return Sample(raw, raw / 4, 2.0, contrast=contrast)


def boxes(figure: Figure) -> list[tuple[str, float, float, float, float]]:
    """Give each text of a page with its place, as parts of the page."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = figure.bbox.size
    found = []
    texts = [*figure.texts, *([figure._suptitle] if figure._suptitle else [])]  # type: ignore[attr-defined]
    for axes in figure.axes:
        texts += [axes.xaxis.label, axes.yaxis.label, axes.title, *axes.get_yticklabels()]
    for text in texts:
        if text.get_text().strip():
            box = text.get_window_extent(canvas.get_renderer())
            across, up = np.array([box.x0, box.x1]) / width, np.array([box.y0, box.y1]) / height
            found.append((text.get_text(), *across.tolist(), *up.tolist()))
    return found


@pytest.mark.parametrize("contrast", [1, -1])
def test_all_text_of_a_gallery_is_on_the_page(contrast: int) -> None:
    figure = gallery(sample(contrast), "Before and after, model iceblock-4A-tuned")
    for text, left, right, bottom, top in boxes(figure):
        assert 0.005 < left < right < 0.995, text
        assert 0.005 < bottom < top < 0.995, text


def test_no_curve_leaves_the_frame() -> None:
    """Beyond the network's limit the denoised images have no power at all."""
    images = sample().raw
    smooth = smoothed(torch.from_numpy(images), 4.0).numpy()
    (axes,) = spectra(images, smooth, 2.0, 12.0).axes
    low, high = axes.get_ylim()
    assert low == LEAST_POWER
    for line in axes.get_lines():
        y = np.asarray(line.get_ydata(), dtype=float)
        if len(y) > 2:
            known = y[np.isfinite(y)]
            assert known.min() >= low
            assert known.max() <= high


def test_rows_of_one_name_have_one_place() -> None:
    figure = Figure()
    axes = figure.subplots()
    montage(axes, dict.fromkeys(("real", "real ", "real  ", " "), ROWS["raw"]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["real", "real", "real", ""]


@pytest.mark.parametrize("facts", [2, 8, 14])
def test_pictures_of_the_first_page_follow_its_text(facts: int) -> None:
    """They stand in the middle of what the text leaves, and never on it."""
    figure = text_page("Title", [("label", "value")] * facts, ["A sentence."] * 2, ROWS)
    (axes,) = figure.axes
    place = axes.get_position()
    lowest = min(box[3] for box in boxes(figure) if box[4] > place.y1)
    assert place.y0 >= 0.04 - 1e-9
    above, below = lowest - place.y1, place.y0
    assert above > 0
    assert above - below < 0.1
