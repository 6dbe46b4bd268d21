"""In a log a bar is a few plain lines; on a terminal it redraws itself."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.console import Console, LogLines
from core.wording import counted


class Terminal(io.StringIO):
    """Where a bar may redraw itself."""

    def isatty(self) -> bool:
        return True


def test_in_a_log_there_are_only_whole_lines() -> None:
    log = io.StringIO()
    with Console(log).bar(300, "img", "denoising") as bar:
        for _ in range(300):
            bar.advance()
            bar.show(loss="0.1")
    lines = log.getvalue().splitlines()
    assert log.getvalue().endswith("\n")
    assert not re.search(r"[\r\x1b]", log.getvalue())
    assert lines[0].startswith("denoising: 0% 0/300")
    assert lines[-1].startswith("denoising: 100% 300/300")


def test_nested_bars_and_remarks_leave_no_cursor_codes() -> None:
    log = io.StringIO()
    console = Console(log)
    with console.bar(2, "method", "comparing") as outer:
        with console.bar(5, "step", "training A", leave=False) as inner:
            inner.advance(5)
            console.note("a remark")
        outer.advance(2)
    assert not re.search(r"[\r\x1b]", log.getvalue())
    lines = log.getvalue().splitlines()
    assert "note: a remark" in lines
    assert all(lines)


def test_a_slow_bar_shows_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.console.LOG_SECONDS", 0.0)
    log = io.StringIO()
    with Console(log).bar(4, "img", "denoising") as bar:
        for _ in range(4):
            bar.advance()
    shown = re.findall(r"(\d+)/4", log.getvalue())
    assert sorted(set(shown)) == ["0", "1", "2", "3", "4"]


def test_on_a_terminal_it_redraws_itself() -> None:
    terminal = Terminal()
    with Console(terminal).bar(2, "img", "denoising") as bar:
        bar.advance(2)
    assert terminal.getvalue().startswith("\rdenoising:   0%|")


def test_each_step_asks_whether_to_go_on() -> None:
    asked: list[int] = []
    with Console(None, lambda: asked.append(1)).bar(3, "img", "denoising") as bar:
        bar.advance(2, computed=False)
        bar.reach(3)
    assert len(asked) == 2


def test_no_stream_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Console(None).bar(2, "img", "denoising") as bar:
        bar.advance(2)
    assert capsys.readouterr() == ("", "")


@given(st.lists(st.sampled_from(["\r", "\n", "\x1b[A", "\x1b[2K", "50%", " ", "100% done"])))
def test_any_pieces_become_lines(pieces: list[str]) -> None:
    log = io.StringIO()
    lines = LogLines(log)
    for piece in pieces:
        lines.write(piece)
    words = [piece for piece in pieces if piece in ("50%", "100% done")]
    assert log.getvalue() == "".join(f"{word}\n" for word in words)


@given(st.integers(0, 1000))
def test_nouns_are_counted(count: int) -> None:
    assert counted(count, "stack") == f"{count} stack{'' if count == 1 else 's'}"
    assert counted(count, "process", "processes").endswith("s" if count == 1 else "es")
