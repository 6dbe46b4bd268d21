"""Files that are no MRC files: what they are, told from their first bytes, and what to do."""

import struct
from pathlib import Path

_PACKED = (
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"BZh", "bzip2", "bunzip2"),
    (b"\xfd7zXZ\x00", "xz", "unxz"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
    (b"PK\x03\x04", "zip", "unzip"),
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
# What to do with stacks of these; RELION's program takes the STAR that names them.
_CONVERT = {
    "HDF5": "convert it with EMAN2's e2proc2d.py to an .mrcs stack",
    "Digital Micrograph": "convert it to MRC with IMOD's dm2mrc",
}
_BY_RELION = (
    "make an MRC stack of the particles with RELION (relion_stack_create --i particles.star --o "
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
    for magic, kind, program in _PACKED:
        if raw.startswith(magic):
            return (
                f"is compressed ({kind}); unpack it first with {program}, and name what comes out"
            )
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
    return f"is a {kind} file, and particles are read from MRC stacks; {remedy}"


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
