"""Stacks appear whole or not at all, valid, and the same however often the run was stopped."""

import errno
import io
import os
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import __version__
from core.errors import IceblockError
from core.images.mrc.reader import read_header, read_images
from core.images.mrc.writer import StackWriter

Images = npt.NDArray[np.float32]


def noise(n: int, box: int, seed: int = 0, mean: float = 0.0) -> Images:
    return np.random.default_rng(seed).normal(mean, 1, (n, box, box)).astype(np.float32)


def write(writer: StackWriter, images: Images, sizes: list[int]) -> None:
    """Append what is still to be written in batches of the given sizes, then one by one."""
    for size in sizes:
        batch = images[writer.written : writer.written + size]
        if len(batch):
            writer.append(batch)
    while writer.written < len(images):
        writer.append(images[writer.written : writer.written + 1])


def partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from([np.float32, np.float16]),
    n=st.integers(1, 12),
    box=st.integers(1, 24),
    sizes=st.lists(st.integers(1, 5), max_size=6),
    mean=st.sampled_from([0.0, 1e-6, 30.0, -500.0]),
    pixel_size=st.floats(0.2, 20),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    kind: type,
    n: int,
    box: int,
    sizes: list[int],
    mean: float,
    pixel_size: float,
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.mrcs"
    images = noise(n, box, n + box, mean)
    with StackWriter(path, n, box, pixel_size, kind) as writer:
        write(writer, images, sizes)
    stack = read_header(path)
    assert (stack.n_images, stack.box_y, stack.box_x) == (n, box, box)
    assert stack.pixel_size == pytest.approx(pixel_size, rel=1e-6)
    assert stack.dtype == np.dtype(kind)
    np.testing.assert_array_equal(read_images(stack, range(n)), images.astype(kind))


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_header_is_valid_and_its_statistics_are_those_of_the_file(
    tmp_path: Path, kind: type
) -> None:
    path = tmp_path / "a.mrcs"
    images = noise(7, 20, mean=3.0)
    with StackWriter(path, 7, 20, 1.3, kind) as writer:
        write(writer, images, [3, 2])
    report = io.StringIO()
    assert mrcfile.validate(path, print_file=report), report.getvalue()
    with mrcfile.open(path) as mrc:
        values = mrc.data.astype(np.float64)
        assert mrc.is_image_stack()
        assert mrc.get_labels() == [f"iceblock {__version__}"]
        assert mrc.voxel_size.x == pytest.approx(1.3)
        assert mrc.header.mz == 1
        assert mrc.header.dmin == values.min()
        assert mrc.header.dmax == values.max()
        assert mrc.header.dmean == np.float32(values.mean())
        assert mrc.header.rms == np.float32(values.std())


def test_statistics_stay_exact_far_from_zero(tmp_path: Path) -> None:
    images = noise(50, 64) * 1e-3 + 4096
    with StackWriter(tmp_path / "a.mrcs", 50, 64, 1.0) as writer:
        write(writer, images, [16] * 4)
    with mrcfile.open(tmp_path / "a.mrcs", header_only=True) as mrc:
        assert mrc.header.rms == pytest.approx(images.astype(np.float64).std(), rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from([np.float32, np.float16]),
    n=st.integers(1, 14),
    first=st.lists(st.integers(1, 5), max_size=4),
    second=st.lists(st.integers(1, 5), max_size=4),
    cut=st.integers(0, 1500),
    align=st.integers(1, 4),
)
def test_a_stopped_and_continued_run_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    kind: type,
    n: int,
    first: list[int],
    second: list[int],
    cut: int,
    align: int,
) -> None:
    folder = tmp_path_factory.mktemp("resumed")
    images = noise(n, 9, n)
    with StackWriter(folder / "whole.mrcs", n, 9, 1.1, kind) as writer:
        write(writer, images, [n])
    path = folder / "stopped.mrcs"
    stopped = StackWriter(path, n, 9, 1.1, kind, align)
    for size in first:
        if len(batch := images[stopped.written : stopped.written + size]):
            stopped.append(batch)
    done = stopped.written
    stopped.abandon()
    # A run that is killed may leave part of an image, or have lost some of what it wrote.
    size = partial(path).stat().st_size
    os.truncate(partial(path), max(1024, size - cut))
    with StackWriter(path, n, 9, 1.1, kind, align) as writer:
        assert writer.written <= done
        assert writer.written % align == 0 or writer.written == n
        write(writer, images, second)
    assert path.read_bytes() == (folder / "whole.mrcs").read_bytes()
    assert not partial(path).exists()


def test_nothing_stands_under_the_name_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.mrcs"
    images = noise(4, 8)
    with StackWriter(path, 4, 8, 1.0) as writer:
        writer.append(images[:3])
        assert not path.exists()
        assert partial(path).exists()
        writer.append(images[3])
    assert [item.name for item in path.parent.iterdir()] == ["a.mrcs"]


def test_an_error_keeps_what_was_written_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "a.mrcs"
    with (
        pytest.raises(ValueError, match="was given 2"),
        StackWriter(path, 4, 8, 1.0) as writer,
    ):
        writer.append(noise(2, 8))
    assert not path.exists()
    again = StackWriter(path, 4, 8, 1.0)
    assert again.written == 2
    again.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other", [{"n_images": 5}, {"box": 4}, {"pixel_size": 2.0}, {"dtype": np.float16}]
)
def test_other_geometry_starts_anew(tmp_path: Path, other: dict[str, object]) -> None:
    usual: dict[str, object] = {"n_images": 4, "box": 8, "pixel_size": 1.0}
    writer = StackWriter(tmp_path / "a.mrcs", **usual)  # type: ignore[arg-type]
    writer.append(noise(2, 8))
    writer.abandon()
    again = StackWriter(tmp_path / "a.mrcs", **(usual | other))  # type: ignore[arg-type]
    assert again.written == 0
    again.discard()


def test_starting_anew_on_demand(tmp_path: Path) -> None:
    writer = StackWriter(tmp_path / "a.mrcs", 4, 8, 1.0)
    writer.append(noise(2, 8))
    writer.abandon()
    again = StackWriter(tmp_path / "a.mrcs", 4, 8, 1.0, resume=False)
    assert again.written == 0
    again.discard()


def test_an_older_stack_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.mrcs"
    with StackWriter(path, 1, 8, 1.0) as writer:
        writer.append(noise(1, 8, 1))
    old = path.read_bytes()
    with StackWriter(path, 1, 8, 1.0) as writer:
        assert path.read_bytes() == old
        writer.append(noise(1, 8, 2))
    assert path.read_bytes() != old


def test_float16_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    images = noise(3, 8)
    images[1, 2, 3] = 7e4
    with (
        pytest.raises(IceblockError, match=r"a\.mrcs: image 2 holds the value 70000.*float32"),
        StackWriter(tmp_path / "a.mrcs", 3, 8, 1.0, np.float16) as writer,
    ):
        writer.append(images)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_pass_and_leave_the_statistics_unset(
    tmp_path: Path, kind: type, bad: float
) -> None:
    images = noise(3, 8)
    images[1, 2, 3] = bad
    with StackWriter(tmp_path / "a.mrcs", 3, 8, 1.0, kind) as writer:
        writer.append(images)
    read = read_images(read_header(tmp_path / "a.mrcs"), [0, 1, 2])
    np.testing.assert_array_equal(read, images.astype(kind))
    with mrcfile.open(tmp_path / "a.mrcs", header_only=True) as mrc:
        assert mrc.header.dmax < mrc.header.dmin
        assert mrc.header.rms < 0


def test_misuse_is_an_error_of_the_program(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="float32 or float16"):
        StackWriter(tmp_path / "a.mrcs", 1, 8, 1.0, np.int16)
    writer = StackWriter(tmp_path / "a.mrcs", 2, 8, 1.0)
    with pytest.raises(ValueError, match="not"):
        writer.append(noise(1, 9))
    with pytest.raises(ValueError, match="more"):
        writer.append(noise(3, 8))
    with pytest.raises(ValueError, match="was given 0"):
        writer.close()


class FullDisk(io.RawIOBase):
    """A file on a disk that takes no more; the first write on it takes part of its bytes."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.writes = 0

    def write(self, data: object) -> int:
        self.writes += 1
        if self.writes > 1:
            raise OSError(self.code, os.strerror(self.code))
        return 100


@pytest.mark.parametrize(
    ("code", "says", "kept"),
    [
        (errno.ENOSPC, "the disk is full in .*free some space", False),
        (errno.EDQUOT, "the disk quota is used up in .*free some space", False),
        (errno.EIO, "cannot be written .input/output error", True),
        (errno.ESTALE, "cannot be written .stale file handle", True),
    ],
)
def test_a_failing_disk_is_named(tmp_path: Path, code: int, says: str, kept: bool) -> None:
    path = tmp_path / "a.mrcs"
    with pytest.raises(IceblockError, match=rf"a\.mrcs.*{says}"):  # noqa: PT012, SIM117
        with StackWriter(path, 4, 8, 1.0) as writer:
            writer.append(noise(2, 8))
            writer._file.close()
            writer._file = FullDisk(code)  # type: ignore[assignment]
            writer.append(noise(2, 8))
    assert not path.exists()
    assert partial(path).exists() == kept


def test_a_disk_that_fills_up(tiny_disk: Path) -> None:
    with (
        pytest.raises(IceblockError, match="the disk is full"),
        StackWriter(tiny_disk / "a.mrcs", 100, 32, 1.0) as writer,
    ):
        write(writer, noise(100, 32), [10])
    assert list(tiny_disk.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IceblockError, match=r"a\.mrcs cannot be written"):
        StackWriter(tmp_path / "file" / "a.mrcs", 1, 8, 1.0)
