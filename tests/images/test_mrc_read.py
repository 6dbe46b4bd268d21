"""Stacks are read as they are, whatever program wrote them, and damaged ones are named."""

import re
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.mrc.reader import read_header, read_images

from .stacks import MODES, write_raw, write_stack


def random_images(kind: str, shape: tuple[int, int, int], seed: int) -> npt.NDArray[np.generic]:
    rng = np.random.default_rng(seed)
    if kind[0] == "f":
        return rng.normal(size=shape).astype(kind)
    limits = np.iinfo(kind)
    if kind == "i1":  # bytes all over their range could as well be unsigned
        return rng.integers(-63, 63, size=shape, dtype=kind, endpoint=True)
    return rng.integers(limits.min, limits.max, size=shape, dtype=kind, endpoint=True)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(sorted(MODES)),
    order=st.sampled_from("<>"),
    extended=st.sampled_from([0, 80, 1024, 7]),
    marks=st.booleans(),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 21), st.integers(1, 21)),
    picks=st.lists(st.integers(0, 1000), max_size=30),
    seed=st.integers(0, 99),
)
def test_any_stack_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    order: str,
    extended: int,
    marks: bool,
    shape: tuple[int, int, int],
    picks: list[int],
    seed: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mrcs"
    images = random_images(kind, shape, seed)
    write_raw(path, images, order, extended, marks)
    stack = read_header(path)
    assert (stack.n_images, stack.box_y, stack.box_x) == shape
    assert stack.pixel_size == pytest.approx(2.0)
    indices = [pick % shape[0] for pick in picks]
    read = read_images(stack, indices)
    assert read.dtype == np.float32
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, images[indices].astype(np.float32))


@pytest.mark.parametrize("kind", ["i1", "i2", "u2", "f2", "f4", ">f4", ">i2"])
def test_agrees_with_mrcfile(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "stack.mrcs"
    with mrcfile.new(path) as mrc:
        mrc.set_data(random_images(kind.strip(">"), (5, 12, 17), 1).astype(kind))
        mrc.voxel_size = 1.25
    with mrcfile.open(path) as mrc:
        expected = mrc.data.astype(np.float32)
    stack = read_header(path)
    assert stack.pixel_size == 1.25
    np.testing.assert_array_equal(read_images(stack, range(5)), expected)


def test_buffered_conversion_of_long_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.images.mrc.reader._BUFFER_BYTES", 1000)
    images = random_images("i2", (40, 10, 10), 3)
    write_raw(tmp_path / "a.mrcs", images)
    np.testing.assert_array_equal(read_images(read_header(tmp_path / "a.mrcs"), range(40)), images)


def test_real_stacks_agree_with_mrcfile(test_data: Path) -> None:
    paths = sorted([*test_data.glob("particles/*/*.mrc*"), *test_data.glob("projects/**/*.mrcs")])
    assert paths
    for path in paths:
        stack = read_header(path)
        with warnings.catch_warnings(action="ignore"), mrcfile.open(path, permissive=True) as mrc:
            expected = mrc.data[[0, stack.n_images - 1]]
        np.testing.assert_array_equal(read_images(stack, [0, stack.n_images - 1]), expected)


def test_a_header_without_pixel_size(tmp_path: Path) -> None:
    write_raw(tmp_path / "a.mrcs", np.zeros((1, 4, 4), "f4"), pixel_size=0.0)
    assert read_header(tmp_path / "a.mrcs").pixel_size == 0.0


def test_more_bytes_than_promised_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "padded.mrcs"
    write_stack(path)
    path.write_bytes(path.read_bytes() + b"\0" * 500)
    assert read_header(path).n_images == 3


# Which 4-byte word of the header a fault changes, and to what.
WORDS = {
    "complex": (3, 4),
    "4-bit": (3, 101),
    "negative size": (0, -8),
    "no images": (2, 0),
    "huge": (0, 2_000_000_000),
    "negative extended header": (23, -4),
}


def damaged(path: Path, fault: str) -> None:
    write_stack(path, n=3, box=8)
    if fault == "missing":
        path.unlink()
    elif fault == "folder":
        path.unlink()
        path.mkdir()
    else:
        data = path.read_bytes()
        header = np.frombuffer(data[:1024], "<i4").copy()
        word, value = WORDS.get(fault, (0, 8))
        header[word] = value
        cut = {"empty": 0, "short": 600, "truncated": 1024 + 2 * 256 + 30}.get(fault)
        data = (header.tobytes() + data[1024:])[:cut]
        path.write_bytes(b"not an image at all\n" * 100 if fault == "text" else data)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("short", "too short to be an MRC file"),
        ("text", "not an MRC file"),
        ("truncated", "promises 3 images of 8 x 8 pixels and the file holds 2"),
        ("complex", "mode 4"),
        ("4-bit", "mode 101"),
        ("negative size", "not an MRC file"),
        ("no images", "not an MRC file"),
        ("huge", "not an MRC file"),
        ("negative extended header", "not an MRC file"),
    ],
)
def test_damaged_stacks_are_named(tmp_path: Path, fault: str, says: str) -> None:
    path = tmp_path / "bad.mrcs"
    damaged(path, fault)
    with pytest.raises(IceblockError, match=f"{re.escape(str(path))}.*{says}"):
        read_header(path)


def test_an_index_beyond_the_stack_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mrcs"
    write_stack(path, n=3)
    for bad, number in ((3, 4), (-1, 0)):
        with pytest.raises(IceblockError, match=f"a.mrcs has 3 images and no image {number}"):
            read_images(read_header(path), [0, bad])


def test_a_stack_that_shrinks_or_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.mrcs"
    write_stack(path, n=3)
    stack = read_header(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(IceblockError, match="shorter"):
        read_images(stack, [2])
    path.unlink()
    with pytest.raises(IceblockError, match="does not exist"):
        read_images(stack, [2])


def test_pictures_and_other_formats_are_refused(test_data: Path) -> None:
    for name in ("maps/scipion_ribosome.vol", "micrographs/klh/KLH.tif"):
        with pytest.raises(IceblockError, match=r"(not an|no) MRC file"):
            read_header(test_data / name)
