import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IceblockError
from core.runs.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1h30m", 5400), (" 2 H ", 7200)],
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["30", "", "m", "30d", "-5m", "0s", "1h 3", "h1", "nan s"])
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(IceblockError, match="no length of time"):
        parse_duration(text)


@given(st.integers(1, 10**6))
def test_what_is_written_can_be_read(seconds: int) -> None:
    text = format_duration(seconds).replace("min", "m").replace(" ", "")
    assert abs(parse_duration(text) - seconds) <= (60 if seconds >= 3600 else 0)
