import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import IceblockError
from core.runs import folder
from core.runs.folder import claim, helping, locked
from core.runs.record import RunRecord, write_record

OUTPUTS = ("particles.star", "Particles")


def test_a_second_run_is_kept_out_until_the_first_ends(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.runs.folder import locked\n"
        "with locked(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(IceblockError, match="Another run"), locked(tmp_path / "out"):
            pass
        other.kill()
    with locked(tmp_path / "out"):  # a killed run leaves no lock behind
        pass
    assert not list((tmp_path / "out").iterdir())


HELP = (
    "import sys; from pathlib import Path; from core.runs.folder import helping\n"
    "with helping(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
)


def test_helpers_of_a_dead_run_keep_the_next_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PATIENCE", 0.2)
    helpers = [
        subprocess.Popen(
            [sys.executable, "-c", HELP, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for helper in helpers:
        with helper:
            assert helper.stdout is not None
            assert helper.stdout.readline() == b"in\n"
            with pytest.raises(IceblockError, match="an earlier run are still"), locked(tmp_path):
                pass
            helper.kill()
    with locked(tmp_path), helping(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IceblockError, match="file"), locked(tmp_path / "file" / "out"):
        pass


def test_a_free_folder_may_hold_other_things(tmp_path: Path) -> None:
    (tmp_path / "job.star").write_text("")
    assert claim(RunRecord, tmp_path, {"a": 1}, OUTPUTS, overwrite=False) is None


def test_the_same_run_goes_on_and_another_is_refused(tmp_path: Path) -> None:
    write_record(tmp_path, {"identity": {"model": "x", "dtype": "float32"}})
    (tmp_path / "Particles").mkdir()
    same = claim(RunRecord, tmp_path, {"model": "x", "dtype": "float32"}, OUTPUTS, overwrite=False)
    assert same is not None
    with pytest.raises(IceblockError, match="dtype"):
        claim(RunRecord, tmp_path, {"model": "x", "dtype": "float16"}, OUTPUTS, overwrite=False)


@pytest.mark.parametrize(("state", "continued"), [("running", True), ("finished", False)])
def test_overwrite_goes_on_with_a_stopped_run(tmp_path: Path, state: str, continued: bool) -> None:
    write_record(tmp_path, {"identity": {"model": "x"}, "state": state})
    (tmp_path / "Particles").mkdir()
    earlier = claim(RunRecord, tmp_path, {"model": "x"}, OUTPUTS, overwrite=True)
    assert (earlier is not None) == continued
    assert (tmp_path / "Particles").exists() == continued


def test_outputs_without_a_record_are_refused(tmp_path: Path) -> None:
    (tmp_path / "particles.star").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(IceblockError, match=r"particles\.star"):
            claim(RunRecord, tmp_path, {}, OUTPUTS, overwrite=overwrite)
    assert (tmp_path / "particles.star").read_text() == "precious"


def test_overwrite_removes_the_outputs_and_nothing_else(tmp_path: Path) -> None:
    write_record(tmp_path, {"identity": {"model": "x"}})
    (tmp_path / "Particles").mkdir()
    (tmp_path / "Particles" / "a.mrcs").write_text("")
    (tmp_path / "notes.txt").write_text("mine")
    assert claim(RunRecord, tmp_path, {"model": "y"}, OUTPUTS, overwrite=True) is None
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
