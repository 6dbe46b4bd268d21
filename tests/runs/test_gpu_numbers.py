"""Numbers of GPUs as people and RELION write them."""

import pytest

from core.errors import IceblockError
from core.runs.common_options import gpu_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [(None, []), ("0", [0]), ("0,1", [0, 1]), ("1:0", [1, 0]), ("2, 3", [2, 3])],
)
def test_numbers(text: str | None, numbers: list[int]) -> None:
    assert gpu_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "0,0", "0,x", "-1", "all"])
def test_mistakes(text: str) -> None:
    with pytest.raises(IceblockError, match="numbers of GPUs"):
        gpu_numbers(text)
