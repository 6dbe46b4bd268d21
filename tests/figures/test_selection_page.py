"""The first page of a selection: scores, images and sentences, all of them on the paper."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from core.figures.selection import ENDS, Shown, histogram_page


def shown(groups: dict[str, int]) -> Shown:
    n = sum(groups.values())
    images = np.random.default_rng(0).standard_normal((n, 32, 32)).astype(np.float32)
    return Shown(images, 0.2 * images, np.linspace(1, 0, n), groups, 4.0)


@pytest.mark.parametrize("groups", [{"best": 8, "about": 8, "worst": 8}, {"all, best first": 3}])
def test_the_first_page_shows_images_and_every_sentence(groups: dict[str, int]) -> None:
    scores = np.linspace(0, 1, 50)
    warnings = [f"{number} images {'look odd ' * 20}" for number in range(4)]
    page = histogram_page(
        scores, scores > 0.5, 0.5, [("kept", "25")] * 6, warnings, shown(groups)
    )  # fmt: skip
    FigureCanvasAgg(page).draw()
    (montage,) = (axes for axes in page.axes if axes.images)
    labels = [text.get_text() for text in montage.get_xticklabels()]
    ends = 2 * ENDS if len(groups) > 1 else 3
    assert len(labels) == ends
    assert (labels[0], labels[-1]) == ("1.000", "0.000")
    written = "\n".join(text.get_text() for text in page.texts)
    assert all(f"{number} images" in written for number in range(4))
    boxes = [text.get_window_extent() for text in (*page.texts, *montage.get_yticklabels())]
    assert min(box.y0 for box in boxes) > 0
    assert min(box.x0 for box in boxes) > 0
    assert max(box.x1 for box in boxes) < page.bbox.x1
