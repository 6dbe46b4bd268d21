"""The area that blocks hold, overlaps counted once."""

import numpy as np
import pytest

from core.noise.coverage import covered


@pytest.mark.parametrize(
    ("places", "boxes"),
    [
        ([], 0.0),
        ([(40, 40)], 1.0),
        ([(40, 40), (40, 40)], 1.0),
        ([(40, 40), (40, 104)], 2.0),
        ([(40, 40), (72, 40)], 1.5),
        ([(40, 40), (72, 72)], 1.75),
        ([(41, 43), (43, 41)], 1.0),
    ],
)
def test_overlaps_count_once(places: list[tuple[int, int]], boxes: float) -> None:
    assert covered(np.array(places, dtype=float).reshape(-1, 2), 64) == boxes
