import json
from pathlib import Path

import pytest

from core import __version__
from core.errors import IceblockError
from core.runs.denoise.record import DenoiseRecord
from core.runs.record import RunRecord, read_record, write_record
from core.runs.stamps import fingerprint, moment


def test_round_trip(tmp_path: Path) -> None:
    assert read_record(tmp_path, RunRecord) is None
    made = DenoiseRecord(identity={"a": [1, 2], "b": None}, warnings=["odd"], stacks=3)
    write_record(tmp_path, made)
    assert read_record(tmp_path, DenoiseRecord) == made
    written = json.loads((tmp_path / "run.json").read_text())
    assert (written["iceblock"], written["state"], written["stacks"]) == (__version__, "running", 3)
    assert written["identity"] == made.identity
    assert "total_seconds" not in written
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_run_of_another_kind_is_read_for_what_all_have(tmp_path: Path) -> None:
    write_record(tmp_path, {"identity": {"a": 1}, "stacks": "many", "scores": {}})
    found = read_record(tmp_path, DenoiseRecord)
    assert found is not None
    assert (found.identity, found.stacks) == ({"a": 1}, 0)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"other": 1}', '{"iceblock": "0", "identity": 5}', "\0\xff"]
)
def test_foreign_records_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="latin-1")
    with pytest.raises(IceblockError, match=r"run\.json"):
        read_record(tmp_path, RunRecord)


def test_fingerprints_notice_changes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    whole, quick = fingerprint(path), moment([path])
    assert (fingerprint(path), moment([path])) == (whole, quick)
    path.write_text("three")
    assert fingerprint(path) != whole
    assert moment([path]) != quick
    with pytest.raises(IceblockError, match="does not exist"):
        fingerprint(tmp_path / "b")
