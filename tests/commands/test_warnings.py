"""The same sentence on the console, in run.json and in the report; once, also after a stop."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import pytest

from core.denoise.inference import Denoiser
from core.remarks import MARK, collected, warn
from core.runs.denoise import report
from core.runs.relay import forget_relayed, relayed, tell_relayed

Run = Callable[..., int]
STAR = "Extract/job003/particles.star"


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What stands on the report's first page."""
    said: list[str] = []

    def write_report(path: Path, sample: Any, card: Any, facts: Any, notes: Any, *_: Any) -> None:
        said[:] = notes

    monkeypatch.setattr(report, "write_report", write_report)
    return said


def record(folder: str = "Out") -> dict[str, Any]:
    return json.loads((Path(folder) / "run.json").read_text())


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_out_of_range_is_told_everywhere(
    project: Path, model: Path, iceblock: Run, capsys: pytest.CaptureFixture[str],
    notes: list[str], quiet: tuple[str, ...],
) -> None:  # fmt: skip
    with mrcfile.open("Extract/job003/A/mic.mrcs", "r+") as file:
        file.data[0] = float("nan")
    given = ("denoise", STAR, "--model", model, "--out", "Out", "--pixel-size", 9.0, *quiet)
    assert iceblock(*given) == 0
    printed = capsys.readouterr().err.splitlines()
    told = [line.removeprefix(MARK) for line in printed if line.startswith(MARK)]
    assert told == record()["warnings"]
    assert set(told) <= set(notes)
    for words in ("the network sees 9.00 Å/px", "1 image with NaN", "too few to learn from"):
        assert sum(words in sentence for sentence in told) == 1, told
    assert iceblock(*given) == 0  # again: the same, no doubles
    assert sorted(record()["warnings"]) == sorted(told)


def test_what_was_found_before_a_stop_is_told_after_it(
    project: Path, model: Path, iceblock: Run, capsys: pytest.CaptureFixture[str],
    notes: list[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    plain, calls = Denoiser.begin, []

    def call(self: Denoiser, *arguments: Any, **options: Any) -> Any:
        calls.append(1)
        warn(f"batch {len(calls)} is odd")
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(self, *arguments, **options)

    monkeypatch.setattr(Denoiser, "begin", call)
    given = ("denoise", STAR, "--model", model, "--out", "Out", "-q", "--batch-size", 2)
    assert iceblock(*given) == 130
    assert "batch 1 is odd" in capsys.readouterr().err
    assert iceblock(*given) == 0
    told = record()["warnings"]
    assert {"batch 1 is odd", "batch 2 is odd", "batch 3 is odd"} <= set(told)
    assert len(set(told)) == len(told)
    assert not list(Path("Out").glob(".warnings*"))


def test_processes_beside_the_first_leave_their_sentences(tmp_path: Path) -> None:
    for process in (10, 2):
        with relayed(tmp_path, process):
            warn("all see it")
            warn(f"{process} sees «it»")
    with collected(None) as told:
        tell_relayed(tmp_path)
    assert told == ["all see it", "2 sees «it»", "10 sees «it»"]
    forget_relayed(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_several_processes_print_once(
    project: Path, model: Path, iceblock: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ("denoise", STAR, "--model", model, "--out", "Out", "--pixel-size", 9.0)
    assert iceblock(*given, "--processes", 2, "--device", "cpu") == 0
    assert capfd.readouterr().err.count("9.00 Å/px") == 1
