"""Tables of CryoSPARC survive reading and writing, in both formats of the real package."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryosparc.dataset import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.cs.table import joined, read_table, replaced, text_column, write_table

from .faces import cs_records

REAL = (
    "cryodrgn_misc/cryosparc_P12_J24_001_particles.cs",
    "cryodrgn_misc/cryosparc_J2_particles_exported.cs",
    "empiar10076/empiar_10076_7.cs",
)
IMAGES = [("J1/extract/a.mrc", 3), ("J1/extract/b.mrc", 0), ("J1/extract/a.mrc", 9)]


def save(path: Path, records: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, records)
    return path


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", REAL)
def test_real_tables_come_back_bit_for_bit(test_data: Path, tmp_path: Path, name: str) -> None:
    path = test_data / "particles" / name
    raw = np.load(path, allow_pickle=False)
    table = read_table(path)
    assert same(table, raw)
    write_table(table, tmp_path / "out.cs")
    assert same(np.load(tmp_path / "out.cs", allow_pickle=False), raw)
    assert Dataset.load(tmp_path / "out.cs") == Dataset.load(path)


@pytest.mark.parametrize("name", REAL)
def test_both_formats_of_the_real_package(test_data: Path, tmp_path: Path, name: str) -> None:
    dataset = Dataset.load(test_data / "particles" / name)
    tables = []
    for number in (1, 2):
        dataset.save(tmp_path / f"{number}.cs", format=number)
        tables.append(read_table(tmp_path / f"{number}.cs"))
    assert same(*tables)
    original = read_table(test_data / "particles" / name)
    assert original.dtype.names == tables[0].dtype.names
    for field in original.dtype.names or ():
        np.testing.assert_array_equal(tables[0][field], original[field])


def test_long_lists_of_fields(tmp_path: Path) -> None:
    records = cs_records(IMAGES)
    many = {f"alignments3D_multi_{k}/class_posterior": np.full(3, k, "f4") for k in range(2000)}
    wide = replaced(records, many)
    write_table(wide, tmp_path / "wide.cs")
    assert same(read_table(tmp_path / "wide.cs"), wide)
    assert len(Dataset.load(tmp_path / "wide.cs").fields()) == len(wide.dtype)


def test_format_2_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Dataset(cs_records(IMAGES)).save(tmp_path / "two.cs", format=2)
    monkeypatch.setitem(sys.modules, "cryosparc.dataset", None)
    with pytest.raises(IceblockError, match=r"two\.cs is a compressed .*iceblock\[cryosparc\]"):
        read_table(tmp_path / "two.cs")
    assert len(read_table(save(tmp_path / "one.cs", cs_records(IMAGES)))) == 3


def spoil_uid(records: np.ndarray) -> np.ndarray:
    records["uid"][2] = records["uid"][0]
    return records


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_uid, r"rows 1 and 3 have the same uid, 11400714819323198485; remove"),
        (lambda records: replaced(records, {"uid": None}), "has no uid"),
        (lambda records: records[:0], "has no particles"),
        (lambda records: records["blob/idx"], "holds numbers and no table"),
        (lambda records: records["uid"].astype(object), "cannot be read as a .cs file"),
    ],
)
def test_wrong_tables(tmp_path: Path, spoil: Callable[[np.ndarray], np.ndarray], says: str) -> None:
    path = save(tmp_path / "wrong.cs", spoil(cs_records(IMAGES)))
    with pytest.raises(IceblockError, match=rf"wrong\.cs.*{says}"):
        read_table(path)


@pytest.mark.parametrize("number", [1, 2])
def test_damaged_files(tmp_path: Path, number: int) -> None:
    whole = tmp_path / "whole.cs"
    Dataset(cs_records(IMAGES * 1)).save(whole, format=number)
    data = whole.read_bytes()
    cut = tmp_path / "cut.cs"
    for length in (8, 60, len(data) // 2):
        cut.write_bytes(data[:length])
        with pytest.raises(IceblockError, match=r"cut\.cs cannot be read as a \.cs file"):
            read_table(cut)
    for content, says in ((b"", "is empty"), (b"data_\n", "is not a .cs file")):
        cut.write_bytes(content)
        with pytest.raises(IceblockError, match=rf"cut\.cs {says}"):
            read_table(cut)
    with pytest.raises(IceblockError, match=r"none\.cs does not exist"):
        read_table(tmp_path / "none.cs")


def test_a_full_disk_leaves_nothing(tiny_disk: Path) -> None:
    records = np.repeat(cs_records(IMAGES), 1000)
    with pytest.raises(IceblockError, match=r"out\.cs: the disk is full"):
        write_table(records, tiny_disk / "out.cs")
    assert list(tiny_disk.iterdir()) == []


def test_passthrough_fields_are_added_by_uid(tmp_path: Path) -> None:
    records = cs_records(IMAGES)
    more = np.zeros(5, dtype=[("location/x", "<f4", (2,)), ("blob/idx", "<u4"), ("uid", "<u8")])
    more["uid"] = [1, records["uid"][2], 2, *records["uid"][:2]]
    more["location/x"] = np.arange(10).reshape(5, 2)
    more["blob/idx"] = 77
    path = save(tmp_path / "more.cs", more)
    made = joined(records, tmp_path / "a.cs", [path])
    assert made["location/x"].tolist() == [[6, 7], [8, 9], [2, 3]]
    assert same(replaced(made, {"location/x": None}), records)
    save(path, more[:4])
    with pytest.raises(IceblockError) as error:
        joined(records, tmp_path / "a.cs", [path])
    uid = records["uid"][1]
    assert f"does not have 1 of the 3 particles of {tmp_path}/a.cs" in str(error.value)
    assert f"the first is uid {uid} (row 2)" in str(error.value)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_text_fields_grow_and_never_shrink(texts: list[str]) -> None:
    records = cs_records(IMAGES * len(texts))[: len(texts)]
    column = text_column(texts, np.arange(len(texts)), records["blob/path"])
    made = replaced(records, {"blob/path": column})
    assert [value.decode() for value in made["blob/path"]] == texts
    longest = max(len(text.encode()) for text in texts)
    assert made.dtype["blob/path"].itemsize == max(longest + 1, 17)
    assert same(replaced(made, {"blob/path": records["blob/path"]}), records)


def test_new_fields_stand_with_their_slot() -> None:
    records = cs_records(IMAGES)
    old = replaced(records, {"blob/import_sig": None})
    made = replaced(old, {"blob/import_sig": records["blob/import_sig"]})
    assert same(made, records)
    assert replaced(old, {"new/x": np.ones(3)}).dtype.names == (*old.dtype.names, "new/x")
