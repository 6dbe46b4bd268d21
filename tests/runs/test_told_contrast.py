"""What is told where somebody has said the contrast, and the images look the other way round."""

import numpy as np
import pytest

from core.denoise.contrast import radial_profiles
from core.remarks import collected
from core.runs.contrast import Looked, check_contrast


def blobs(n: int, height: float) -> Looked:
    d = np.arange(48) - 24
    blob = np.exp(-(d[:, None] ** 2 + d**2) / 50)
    noise = np.random.default_rng(1).standard_normal((n, 48, 48))
    return Looked("stack.mrcs", radial_profiles((height * blob + noise).astype(np.float32)))


@pytest.mark.parametrize(
    ("n", "height", "words"),
    [
        (12, -0.5, "look black (which is not certain), the other way round than blob/sign says"),
        (200, -0.5, "look black, the other way round than blob/sign says"),
        (12, 0.5, ""),
        (200, 0.5, ""),
        (12, 0.0, ""),
    ],
)
def test_doubts_of_what_was_said_are_told_as_certain_as_they_are(
    n: int, height: float, words: str
) -> None:
    with collected() as told:
        doubtful = check_contrast([blobs(n, height)], [1], "blob/sign says")
    assert doubtful == bool(words)
    assert [words in sentence for sentence in told] == ([True] if words else [])
