"""Images that claim more than they hold, and files that are none."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image

from core.errors import IceblockError
from core.images.input_file import open_input, read_whole, refuse_beyond_memory
from core.images.micrographs.reader import Micrograph, list_micrographs, read_micrograph
from core.images.mrc.reader import read_header, read_images

from .hostile_files import mrc, stretch


def test_an_image_beyond_the_memory(tmp_path: Path) -> None:
    stack = read_header(stretch(mrc(tmp_path / "a.mrc", 1 << 17, 1 << 17, 100)))
    with pytest.raises(IceblockError, match=r"a\.mrc needs 6\.87e\+03 GB of memory"):
        read_images(stack, range(100))
    with pytest.raises(IceblockError, match="truncated"):
        read_header(mrc(tmp_path / "b.mrc", 1 << 17, 1 << 17, 1 << 30))
    with pytest.raises(IceblockError, match="memory"):
        refuse_beyond_memory(tmp_path, 1 << 60)


def test_pipes_devices_and_names(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(IceblockError, match="no ordinary file"):
            open_input(path)
    for path in (tmp_path / "none", tmp_path / "a\0b", tmp_path / ("x" * 300), tmp_path):
        with pytest.raises(IceblockError):
            read_whole(path)


def picture(path: Path, shape: tuple[int, int] = (48, 64)) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    Image.fromarray(noise).save(path)
    return path


def claim_size(path: Path, width: int, height: int) -> None:
    """Change the size in the header of a PNG file, with the right checksum."""
    import zlib

    data = path.read_bytes()
    chunk = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    path.write_bytes(data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:])


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (30_000, 30_000), (70_000, 2), (1, 1)])
def test_pictures_that_claim_to_be_large(tmp_path: Path, size: tuple[int, int]) -> None:
    path = picture(tmp_path / "mic.png")
    claim_size(path, *size)
    (micrograph,) = list_micrographs(path, pixel_size=1.0)
    with pytest.raises(IceblockError, match=r"mic\.png"):
        read_micrograph(micrograph)


def test_pictures_without_an_end(tmp_path: Path) -> None:
    for name in ("mic.jpg", "mic.png", "mic.tif"):
        path = picture(tmp_path / name)
        path.write_bytes(path.read_bytes()[:20])
        (micrograph,) = list_micrographs(stretch(path), pixel_size=1.0)
        with pytest.raises(IceblockError, match="no single picture has"):
            read_micrograph(micrograph)


@pytest.mark.parametrize("kind", ["zlib", None])
@pytest.mark.parametrize("word", [2**31 - 1, 2**32 - 1, 3 << 20])
def test_strips_that_claim_to_be_long(tmp_path: Path, kind: str | None, word: int) -> None:
    path = tmp_path / "mic.tif"
    pixels = np.random.default_rng(0).integers(0, 255, (512, 512), np.uint8)
    tifffile.imwrite(path, pixels, compression=kind, tile=(256, 256))
    with tifffile.TiffFile(path) as tiff:
        tags = [tiff.pages[0].tags[name] for name in ("TileByteCounts", "TileOffsets")]
        places = [tag.valueoffset for tag in tags if tag.dtype == tifffile.DATATYPE.LONG]
    assert places
    whole = path.read_bytes()
    for place in places:
        path.write_bytes(whole[:place] + struct.pack("<I", word) + whole[place + 4 :])
        (micrograph,) = list_micrographs(stretch(path, 1 << 31), pixel_size=1.0)
        with pytest.raises(IceblockError, match=r"mic\.tif cannot be read"):
            read_micrograph(micrograph)


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (7, 7)])
def test_micrographs_of_a_line(tmp_path: Path, shape: tuple[int, int]) -> None:
    (micrograph,) = list_micrographs(picture(tmp_path / "mic.png", shape), pixel_size=1.0)
    with pytest.raises(IceblockError, match="no micrograph"):
        read_micrograph(micrograph)


def test_nan_that_signal(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    pixels.view(np.uint32)[3, 3] = 0x7F800001
    with mrcfile.new(tmp_path / "mic.mrc") as file:
        file.set_data(np.zeros((64, 64), np.float32))
    data = (tmp_path / "mic.mrc").read_bytes()[:1024] + pixels.tobytes()
    (tmp_path / "mic.mrc").write_bytes(data)
    image = read_micrograph(Micrograph("mic", tmp_path / "mic.mrc", 1.0))
    assert not image.valid[3, 3]
