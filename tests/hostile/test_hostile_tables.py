"""Tables of CryoSPARC whose headers promise, nest or point too far."""

from __future__ import annotations

import io
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.errors import IceblockError
from core.images.array_file import read_array
from core.images.cs.table import read_table

from .hostile_files import npy, stretch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


SHAPE = "{'descr': [('uid', '<u8')], 'fortran_order': False, 'shape': %s}"


@pytest.mark.parametrize(
    "content",
    [
        npy(SHAPE % "(10000000000000,)"),
        npy(SHAPE % "(9223372036854775807, 9223372036854775807)"),
        npy(SHAPE % "(True,)", bytes(8)),
        npy(SHAPE % "(-1,)"),
        npy(SHAPE % "(1,"),
        npy(SHAPE % ("(" * 5000)), npy(SHAPE % ("(" * 190 + "1" + ")" * 190)),
        npy(SHAPE % ("-" * 100_000 + "1")),
        npy(SHAPE % "(1,) and __import__('os').mkdir('exploded')"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
        npy("{'descr': '|V0', 'fortran_order': False, 'shape': (9,)}"),
        npy("{'descr': [('uid', '<u8', (100000, 100000, 100000))], 'fortran_order': False, "
            "'shape': (1,)}"),
        npy("'", version=1), npy("1" * 5000), npy(" " * (1 << 21)), npy("{}"), npy("[]"),
        npy(SHAPE % "(1,)", version=9),
        b"\x93NUMPY", b"\x93NUMPY\2\0\xff\xff\xff\xff", b"\x93NUMPY\1\0\2\0'\n",
    ],
)  # fmt: skip
def test_headers_of_arrays(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_array(io.BytesIO(content), len(content))
    path = tmp_path / "particles.cs"
    path.write_bytes(content)
    with pytest.raises(IceblockError, match=r"particles\.cs"):
        read_table(path)
    with pytest.raises(IceblockError):
        read_table(stretch(path))


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.float32(3),
     np.zeros(0), np.zeros((2, 0)), np.array(["é", "b"]), np.zeros(3, [("a b", "<f4", (2, 2))])],
)  # fmt: skip
def test_whole_arrays_come_back(array: np.ndarray) -> None:
    file = io.BytesIO()
    np.save(file, array)
    size = file.tell()
    file.seek(0)
    back = read_array(file, size)
    assert back.dtype == np.asarray(array).dtype
    np.testing.assert_array_equal(back, array)


def test_headers_of_python_2_are_read() -> None:
    content = npy("{'descr': [('uid', '<u8'), ('x', '<f4', (2L,))], 'shape': (1L,), "
                  "'fortran_order': False}", bytes(16))  # fmt: skip
    assert read_array(io.BytesIO(content), len(content))["x"].shape == (1, 2)


@pytest.mark.parametrize("kind", ["f8", "S8", "M8[s]", "c16", "V8", ("u8", 2)])
def test_uids_are_whole_numbers(tmp_path: Path, kind: Any) -> None:
    np.save(tmp_path / "x.npy", np.zeros(1, [("uid", kind), ("blob/idx", "u4")]))
    (tmp_path / "x.npy").replace(tmp_path / "x.cs")
    with pytest.raises(IceblockError, match="uid holds values of the type"):
        read_table(tmp_path / "x.cs")


def packed(project: Path, **changes: Any) -> Path:
    """A compressed table with changes in its header, or with other `tail` bytes at its end."""
    path = project / "packed.cs"
    data = path.read_bytes()
    (length,) = struct.unpack("<I", data[6:10])
    header, body = json.loads(data[10 : 10 + length]), data[10 + length :]
    body = body[: len(body) - changes.pop("cut", 0)]
    text = json.dumps(header | changes).encode()
    path.write_bytes(data[:6] + struct.pack("<I", len(text)) + text + body)
    return path


@pytest.mark.parametrize(
    "changes",
    [{"length": 10**12}, {"length": -1}, {"length": 5}, {"length": "x"}, {"cut": 1}, {"cut": 30},
     {"cut": 1000}, {"compressed_fields": []}, {"compressed_fields": 3}, {"dtype": [["uid", "|O"]]},
     {"dtype": [["uid", "<u8"]] * 2}, {"dtype": [["uid", "<u8", [1 << 40]]]}, {"dtype": [["uid"]]},
     {"dtype": [["uid", "i4,i4"]]}, {"dtype": [["uid", "nonsense"]]}, {"dtype": 1}],
)  # fmt: skip
def test_compressed_tables(project: Callable[[str], Path], changes: dict[str, Any]) -> None:
    folder = project("cs")
    assert read_table(folder / "packed.cs")["blob/path"][2] == b"S/b c.mrc"
    with pytest.raises(IceblockError, match=r"packed\.cs cannot be read"):
        read_table(packed(folder, **changes))


def test_texts_of_compressed_tables_stay_inside(project: Callable[[str], Path]) -> None:
    path = project("cs") / "packed.cs"
    data = path.read_bytes()
    heap = data[-data[::-1].index(b"\0S/"[::-1]) :]
    assert heap
    outcomes = set()
    for place in (b"\xff" * 8, struct.pack("<Q", 1 << 40)):
        for start in range(data.index(b"\x00\x05\x00\x00\x00"), len(data) - 8, 7):
            path.write_bytes(data[:start] + place + data[start + 8 :])
            try:
                outcomes.add(len(read_table(path)))
            except IceblockError:
                outcomes.add("refused")
    assert "refused" in outcomes
    assert outcomes <= {4, "refused"}


@pytest.mark.parametrize(
    ("field", "kind"),
    [("alignments3D/pose", ("f4", 2)), ("alignments3D/shift", "f4"), ("ctf/df1_A", "S4"),
     ("location/micrograph_shape", ("u4", 0)), ("location/center_x_frac", "M8[s]"),
     ("micrograph_blob/psize_A", "c8"), ("blob/idx", "f4"), ("ctf/exp_group_id", ("u4", 1))],
)  # fmt: skip
def test_fields_of_other_kinds(
    project: Callable[[str], Path], field: str, kind: str | tuple[str, int]
) -> None:
    path = project("cs") / "particles.cs"
    old = read_table(path)
    kinds: list[Any] = [(name, old.dtype[name]) for name in old.dtype.names or ()]
    new = np.zeros(len(old), [(name, kind if name == field else was) for name, was in kinds])
    for name, _ in kinds:
        if name != field:
            new[name] = old[name]
    with path.open("wb") as file:
        np.save(file, new)
    with pytest.raises(IceblockError, match=f"{field} holds values of the type"):
        read_table(path)
