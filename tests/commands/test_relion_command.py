"""`iceblock relion`: what to paste into RELION."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.commands import relion

Run = Callable[..., int]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with executables, beside the Python that runs."""
    for name in relion.PROGRAMS:
        (tmp_path / name).write_text(f"#!/bin/sh\necho help of {name}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    for variable in ("PYTHONPATH", "PYTHONHOME"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_full_paths_and_labels(
    programs: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert iceblock("relion") == 0
    said = capsys.readouterr().out
    assert re.findall(r"^  (/\S+)$", said, re.M) == [str(programs / n) for n in relion.PROGRAMS]
    assert all(f"help of {name}\n" in said for name in relion.PROGRAMS)
    assert "PYTHON" not in said
    assert iceblock("relion", "relion_iceblock_noise") == 0
    assert "relion_iceblock_train" not in capsys.readouterr().out


def test_a_variable_that_misleads_is_told(
    programs: Path,
    iceblock: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/other")
    assert iceblock("relion") == 0
    assert "env -u PYTHONPATH" in capsys.readouterr().out


def test_one_that_does_not_start(
    programs: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (programs / "relion_iceblock_train").write_text("#!/bin/sh\necho no torch >&2\nexit 1\n")
    assert iceblock("relion") == 1
    assert "relion_iceblock_train does not start (no torch)" in capsys.readouterr().err
    assert iceblock("relion", "relion_refine") == 1
    assert "relion_iceblock_noise" in capsys.readouterr().err


def test_the_list_is_whole() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert set(re.findall(r"^(relion_\w+) =", text, re.M)) == set(relion.PROGRAMS)
