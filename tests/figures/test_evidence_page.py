"""What a set tells of itself is said in plain words, and shown with what is not known left out."""

import numpy as np

from core.figures.evidence_page import HEADS, evidence_page
from core.sets.stacking.correlation import bands, resolutions
from core.sets.stacking.evidence import Evidence, Interval, Told
from core.sets.stacking.evidence_words import OTHER_NOISE, UNKNOWN, evidence_words

RINGS, PIXEL_SIZE = 33, 4.0
AT = resolutions(RINGS, PIXEL_SIZE)
NAMES = ("raw", "best low-pass", "Wiener filter of the set", "network", "result")


def evidence(*values: float | None) -> Evidence:
    """Tell these correlations of `NAMES`; nothing at the last resolution."""
    told = []
    for name, value in zip(NAMES, values, strict=True):
        one = None if value is None else Interval(value, value - 0.02, value + 0.02)
        curve = (one,) * (len(AT) - 1) + (None,)
        told.append(Told(name, one, None, Interval(0.9, 0.89, 0.91), curve))
    return Evidence(500, 60.0, PIXEL_SIZE, AT, tuple(told))


def test_bands_hold_each_ring_once_and_end_at_nyquist() -> None:
    for rings in (3, 17, 33, 129):
        held = [ring for band in bands(rings) for ring in range(band.start, band.stop)]
        assert held == list(range(1, rings))
    assert all(np.diff(AT) < 0)
    assert AT[-1] > 2 * PIXEL_SIZE


def test_words_compare_before_and_after() -> None:
    said = evidence_words(evidence(0.3, 0.44, 0.45, 0.5, 0.52))
    assert "0.52 (0.50 to 0.54) after; raw 0.30, best low-pass 0.44" in said
    assert "no better" not in said


def test_words_say_when_nothing_was_gained_and_when_nothing_is_known() -> None:
    assert "no better than filtering" in evidence_words(evidence(0.3, 0.6, 0.55, 0.5, 0.52))
    assert evidence_words(evidence(*[None] * 5)) == UNKNOWN
    assert evidence_words(evidence(0.3, 0.6, 0.55, 0.5, None)) == OTHER_NOISE


def test_the_page_has_a_row_and_a_curve_for_each_estimate() -> None:
    page = evidence_page(evidence(0.3, 0.44, 0.45, 0.5, 0.52))
    table, curves = page.axes
    words = {
        place: cell.get_text().get_text() for place, cell in table.tables[0].get_celld().items()
    }
    assert [words[0, column] for column in range(4)] == list(HEADS)
    assert [words[row, 0] for row in range(1, 6)] == list(NAMES)
    assert (words[5, 1], words[5, 2]) == ("0.52 (0.50 to 0.54)", "–")
    lines = {line.get_label(): np.asarray(line.get_data()) for line in curves.lines}
    assert list(lines) == list(NAMES)
    frequency, value = lines["result"]
    np.testing.assert_allclose(1 / frequency, AT)
    assert np.isnan(value[-1])
    assert (value[:-1] == 0.52).all()
