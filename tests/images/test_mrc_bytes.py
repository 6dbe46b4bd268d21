"""Bytes in MRC files: one rule for particles, micrographs, masks and maps."""

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest

from core.images.micrographs.reader import list_micrographs, read_micrograph
from core.images.mrc.reader import read_header, read_images
from core.remarks import collected
from core.segment.masks import read_mask
from core.simulate.map_file import read_map_values

from .stacks import write_raw

Bytes = npt.NDArray[np.int8] | npt.NDArray[np.uint8]
UNSIGNED, SIGNED = 0, 1  # imodFlags


def marked(path: Path, flags: int | None, order: str = "<") -> Path:
    """Put IMOD's mark into a header."""
    if flags is not None:
        data = bytearray(path.read_bytes())
        data[152:160] = struct.pack(f"{order}ii", 1146047817, flags)
        path.write_bytes(data)
    return path


def noisy(dtype: str, mean: float) -> Bytes:
    """Ice and a particle in bytes: (3, 48, 48), sd 20."""
    y, x = np.mgrid[:48, :48] - 24
    images = np.random.default_rng(5).normal(mean, 20, (3, 48, 48))
    images += 30 * np.exp(-(x**2 + y**2) / 100)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(images, limits.min, limits.max).round().astype(dtype))


def as_stack(path: Path) -> npt.NDArray[np.float32]:
    return read_images(read_header(path), range(3))


def as_micrographs(path: Path) -> npt.NDArray[np.float32]:
    (one,) = list_micrographs(path, 1.0)
    return read_micrograph(one).pixels[None]


def as_map(path: Path) -> npt.NDArray[np.float32]:
    return read_map_values(path)[0]


READERS = {"stack": (as_stack, 3), "micrograph": (as_micrographs, 1), "map": (as_map, 3)}
Reader = Callable[[Path], npt.NDArray[np.float32]]


@pytest.mark.parametrize(("reader", "n"), READERS.values(), ids=READERS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("dtype", "mean", "flags"),
    [
        ("u1", 128, None), ("u1", 100, None), ("u1", 180, None), ("u1", 128, UNSIGNED),
        ("i1", 0, None), ("i1", 30, None), ("i1", -60, None), ("i1", 0, SIGNED),
    ],
)  # fmt: skip
def test_bytes_are_what_they_were(
    tmp_path: Path, reader: Reader, n: int, order: str, dtype: str, mean: float, flags: int | None
) -> None:
    images = noisy(dtype, mean)[:n]
    write_raw(tmp_path / "a.mrc", images.view(np.int8), order=order)
    path = marked(tmp_path / "a.mrc", flags, order)
    np.testing.assert_array_equal(reader(path), images)


def test_what_is_not_marked_is_told_once(tmp_path: Path) -> None:
    for name in ("a.mrcs", "b.mrcs"):
        write_raw(tmp_path / name, noisy("u1", 128).view(np.int8))
    write_raw(tmp_path / "marked.mrcs", noisy("u1", 128).view(np.int8))
    marked(tmp_path / "marked.mrcs", UNSIGNED)
    write_raw(tmp_path / "dark.mrcs", noisy("u1", 30).view(np.int8) & 127)
    with collected(None) as sentences:
        for path in sorted(tmp_path.iterdir()):
            read_header(path)
    assert len(sentences) == 1
    assert "unsigned (0 to 255)" in sentences[0]
    write_raw(tmp_path / "a.mrcs", noisy("i1", 0))
    with collected(None) as sentences:
        read_header(tmp_path / "a.mrcs")
    assert "signed (-128 to 127), since RELION does so" in sentences[0]


def test_relion_and_mrcfile_read_signed_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_raw(Path("a.mrcs"), noisy("i1", 0))
    mine = read_images(read_header(Path("a.mrcs")), [0])[0]
    with mrcfile.open("a.mrcs", permissive=True) as mrc:
        np.testing.assert_array_equal(mrc.data[0], mine)
    program = shutil.which("relion_image_handler")
    if program is None:
        pytest.skip("RELION is not installed")
    subprocess.run([program, "--i", "1@a.mrcs", "--o", "b.mrc"], check=True, capture_output=True)
    np.testing.assert_array_equal(read_images(read_header(Path("b.mrc")), [0])[0], mine)


@pytest.mark.parametrize(
    ("background", "polluted", "flags"),
    [
        (-128, -127, SIGNED), (-128, 127, SIGNED), (-128, 0, SIGNED), (0, 1, SIGNED),
        (-128, -127, None), (-128, 127, None), (0, 1, None), (0, -1, None), (0, -128, None),
        (0, -1, UNSIGNED), (0, -128, UNSIGNED),
    ],
)  # fmt: skip
def test_masks_of_bytes(tmp_path: Path, background: int, polluted: int, flags: int | None) -> None:
    wanted = np.zeros((40, 60), dtype=bool)
    wanted[5:20, 10:50] = True
    for mask in (wanted, ~wanted):
        values = np.where(mask, polluted, background).astype(np.int8)
        write_raw(tmp_path / "a_mask.mrc", values[None])
        path = marked(tmp_path / "a_mask.mrc", flags)
        with collected(None) as sentences:
            np.testing.assert_array_equal(read_mask(path), mask)
        assert sentences == []


def test_a_marked_mask_of_unsigned_bytes_is_nothing_where_it_is_0(tmp_path: Path) -> None:
    values = np.full((40, 60), 128, dtype=np.uint8)
    for pixels in (3, 200):  # less often than the grey of a smoothed edge
        values.ravel()[:pixels] = 0
        values.ravel()[pixels : pixels + 20] = 255
        write_raw(tmp_path / "a_mask.mrc", values.view(np.int8)[None])
        mask = read_mask(marked(tmp_path / "a_mask.mrc", UNSIGNED))
        np.testing.assert_array_equal(mask, values > 0)
    write_raw(tmp_path / "a_mask.mrc", np.full((1, 40, 60), -128, dtype=np.int8))
    assert read_mask(marked(tmp_path / "a_mask.mrc", UNSIGNED)).all()


def test_a_smoothed_mask_of_signed_bytes(tmp_path: Path) -> None:
    values = np.full((40, 60), -128, dtype=np.int8)
    values[5:20, 10:50] = 0
    values[6:19, 11:49] = 127
    write_raw(tmp_path / "a_mask.mrc", values[None])
    for flags in (SIGNED, None):
        path = marked(tmp_path / "a_mask.mrc", flags)
        np.testing.assert_array_equal(read_mask(path), values > -128)
