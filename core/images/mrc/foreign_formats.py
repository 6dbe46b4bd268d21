"""Files that are no MRC files: what they are, told from their first bytes, and what to do."""

import struct
from pathlib import Path

from ...errors import IceblockError

_PACKED = (
    (b"\x1f\x8b", "gzip", "gzip -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\xfd7zXZ\x00", "xz", "xz -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    (b"PK\x03\x04", "zip", "funzip"),
)
_NO_IMAGES = (
    (b"version https://git-lfs", "is a pointer to a file of Git LFS; fetch the file itself"),
    (b"<!DOCTYPE", "is a web page and no image; download the file again"),
    (b"<html", "is a web page and no image; download the file again"),
)
_IMAGES = (
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x00\x00\x00\x03", "Digital Micrograph"),
    (b"\x00\x00\x00\x04", "Digital Micrograph"),
)
# RELION 3.1 converts SPIDER and IMAGIC stacks exactly, and fails at TIFF.
_CONVERT = {
    "TIFF": "convert it with IMOD's tif2mrc to an .mrcs stack",
    "PNG": "save it as MRC",
    "JPEG": "save it as MRC",
    "HDF5": "convert it with EMAN2's e2proc2d.py to an .mrcs stack",
    "Digital Micrograph": "convert it to MRC with IMOD's dm2mrc",
}
_BY_RELION = (
    "let RELION make an MRC stack of the particles (relion_stack_create --i particles.star --o "
    "converted) and name converted.star"
)


def what_it_is(raw: bytes, path: Path) -> str | None:
    """Say what a file is and what to do about it, as the end of a sentence; None if unknown.

    Parameters
    ----------
    raw
        Its first bytes, 1024 or fewer.
    path
        The file.
    """
    for magic, packed, program in _PACKED:
        if raw.startswith(magic):
            todo = f"{program} < {path.name} > unpacked.mrcs"
            return f"is compressed ({packed}); unpack it first ({todo}) and name what comes out"
    for magic, what in _NO_IMAGES:
        if raw.startswith(magic):
            return what
    kind = next((kind for magic, kind in _IMAGES if raw.startswith(magic)), None)
    if kind is None and path.suffix.lower() in (".img", ".hed"):
        kind = "IMAGIC"
    if kind is None and _is_spider(raw):
        kind = "SPIDER"
    if kind is None:
        return None
    remedy = _CONVERT.get(kind, _BY_RELION)
    return f"is no MRC file but one of the format {kind}; {remedy}"


def _is_spider(raw: bytes) -> bool:
    """Look for a SPIDER header: numbers of rows, columns and bytes, all of them floats."""
    if len(raw) < 92:
        return False
    for order in "<>":
        values = struct.unpack(f"{order}23f", raw[:92])
        rows, kind, columns, records, length, line = (values[i] for i in (1, 4, 11, 12, 21, 22))
        whole = all(value == value // 1 for value in (rows, kind, columns, records))
        if (
            whole
            and rows >= 1
            and columns >= 1
            and length == records * line == 4 * columns * records
        ):
            return True
    return False


def no_mrc_file(path: Path, raw: bytes) -> IceblockError:
    """Make the error for what is no MRC file, by its first bytes."""
    what = what_it_is(raw, path) or (
        "is not an MRC file (its first bytes give no possible image size and mode); name an .mrcs "
        "or .mrc stack"
    )
    return IceblockError(f"{path} {what}")
