from pathlib import Path

import pytest

from core import __version__
from core.errors import IceblockError
from core.runs.record import fingerprint, quick_fingerprint, read_record, write_record


def test_round_trip(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    write_record(tmp_path, {"a": [1, 2], "path": Path("x")})
    assert read_record(tmp_path) == {"iceblock": __version__, "a": [1, 2], "path": "x"}
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"other": 1}', "\0\xff"])
def test_foreign_records_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="latin-1")
    with pytest.raises(IceblockError, match=r"run\.json"):
        read_record(tmp_path)


def test_fingerprints_notice_changes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    whole, quick = fingerprint(path), quick_fingerprint([path])
    assert (fingerprint(path), quick_fingerprint([path])) == (whole, quick)
    path.write_text("three")
    assert fingerprint(path) != whole
    assert quick_fingerprint([path]) != quick
    with pytest.raises(IceblockError, match="does not exist"):
        fingerprint(tmp_path / "b")
