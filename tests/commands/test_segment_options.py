"""Options of `iceblock segment` outside their range end in a sentence."""

from collections.abc import Callable

import pytest


@pytest.mark.parametrize(
    ("option", "value"), [("--device", "gpu9"), ("--device", "cuda:99"), ("--threads", "-1")]
)
def test_options_out_of_range(
    iceblock: Callable[..., int], capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    command = ("segment", "apply", "none.star", "--particle-diameter", 180, "--out", "Seg")
    assert iceblock(*command, option, value) == 1
    said = capsys.readouterr().err
    assert value in said
    assert said.count("\n") == 1
