"""Stacks in other formats and compressed ones: said what they are, and what to do."""

import bz2
import gzip
import lzma
import re
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from core.errors import IceblockError
from core.images.mrc.reader import read_header, read_images
from core.images.particles import read_particles
from core.images.validation import validate

from .stacks import star_text, write_raw

N, BOX = 3, 48
TAGS = "_rlnOpticsGroup _rlnOpticsGroupName _rlnImagePixelSize _rlnImageSize _rlnVoltage "
TAGS += "_rlnSphericalAberration"


def images() -> npt.NDArray[np.float32]:
    return np.random.default_rng(3).normal(size=(N, BOX, BOX)).astype(np.float32)


def spider(path: Path, order: str = "<") -> None:
    """A SPIDER stack: a header for all images, and one for each."""
    records = -(-1024 // (4 * BOX))
    length = records * 4 * BOX

    def header(stack: bool, number: int) -> bytes:
        values = [0.0] * 256
        values[0], values[1], values[4], values[11] = 1, BOX, 1, BOX
        values[12], values[21], values[22] = records, length, 4 * BOX
        if stack:
            values[23:26] = [2, 1, N]
        values[26] = number
        return struct.pack(f"{order}256f", *values).ljust(length, b"\0")

    parts = [header(True, 0)]
    for number, image in enumerate(images(), 1):
        parts += [header(False, number), image.astype(f"{order}f4").tobytes()]
    path.write_bytes(b"".join(parts))


def imagic(path: Path) -> None:
    header = np.zeros((N, 256), "i4")
    header[:, 0], header[0, 1], header[:, 3] = np.arange(N) + 1, N - 1, 1
    header[:, 4:7], header[:, 10:12], header[:, 12:14] = (1, 1, 2020), BOX * BOX, BOX
    header[:, 14] = np.frombuffer(b"REAL", "<i4")[0]
    path.with_suffix(".hed").write_bytes(header.tobytes())
    path.write_bytes(images().tobytes())


@pytest.mark.parametrize("end", [".mrcs", ".mrc", ""])
def test_compressed_stacks(tmp_path: Path, end: str) -> None:
    write_raw(tmp_path / "raw.mrcs", images())
    raw = (tmp_path / "raw.mrcs").read_bytes()
    path = tmp_path / f"a{end}"
    for pack, kind in ((gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz")):
        path.write_bytes(pack(raw))
        with pytest.raises(IceblockError, match=rf"is compressed \({kind}\); unpack it") as caught:
            read_header(path)
        (advice,) = re.findall(r"first \((.*?)\)", str(caught.value))
        if shutil.which(advice.split()[0]) is not None:
            subprocess.run(advice, shell=True, check=True, cwd=tmp_path)
            unpacked = tmp_path / advice.split()[-1]
            np.testing.assert_array_equal(read_images(read_header(unpacked), range(N)), images())
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("raw.mrcs", raw)
    with pytest.raises(IceblockError, match=r"compressed \(zip\)"):
        read_header(path)


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (b"\x89HDF\r\n\x1a\n", "format HDF5; .*e2proc2d"),
        (b"\x00\x00\x00\x04\x00\x00", "format Digital Micrograph; .*dm2mrc"),
        (b"<!DOCTYPE html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer"),
        (b"loop_\n_rlnImageName\n", "is not an MRC file|too short"),
    ],
)
@pytest.mark.parametrize("length", [0, 5000])
def test_other_files(tmp_path: Path, first: bytes, says: str, length: int) -> None:
    (tmp_path / "a.mrcs").write_bytes(first + b"\xff" * length)
    with pytest.raises(IceblockError, match=says):
        read_header(tmp_path / "a.mrcs")


def test_tiff_stacks(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", images(), photometric="minisblack")
    with pytest.raises(IceblockError, match=r"a\.tif is no MRC file but .* TIFF; .*tif2mrc"):
        read_header(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.spi", "a.stk", "big.spi", "a.img", "a.hed"])
def test_what_relion_converts(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name.endswith((".spi", ".stk")):
        spider(Path(name), ">" if name.startswith("big") else "<")
    else:
        imagic(Path("a.img"))
    text = star_text(
        [f"{k + 1:06d}@{name}" for k in range(N)], None, f"1 a 2.0 {BOX} 300 2.7", TAGS
    )
    Path("particles.star").write_text(text)
    with pytest.raises(IceblockError, match=r"SPIDER|IMAGIC") as caught:
        validate(read_particles(Path("particles.star")))
    (advice,) = re.findall(r"particles \((.*?)\)", str(caught.value))
    if shutil.which(advice.split()[0]) is None:
        pytest.skip("RELION is not installed")
    subprocess.run(advice, shell=True, check=True, capture_output=True)
    converted = read_particles(Path("converted.star"))
    (header,) = validate(converted)
    np.testing.assert_array_equal(read_images(header, converted.indices), images())
