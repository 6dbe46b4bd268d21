"""Breaking what lies inside a format's frame: the lengths and checksums around it stay right."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from . import hostile_mutations as mutations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import PurePath
    from random import Random

_VALUES: tuple[Any, ...] = (
    0, 1, -1, 2, 64, 10**6, 10**9, 10**12, 2**31, 2**63, 2**64, 10**30, 0.5, 1e308, float("nan"),
    float("inf"), 1e-300, None, True, "", "x", "é\0\n", "\ud800", "x" * 100_000, [], [1], [0],
    [-1], [[]], [10**9] * 3, [1] * 3000, {}, {"a": {}}, "F32", "I64", "BOOL", "F8_E4M3", "BF16",
    "group", "batch",
)  # fmt: skip


def change_json(text: bytes, rng: Random) -> bytes:
    """Change, add or remove one value anywhere in a JSON text, or its characters."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return mutations.insert_token(text, rng)
    if rng.random() < 0.1:
        return rng.choice((mutations.replace_number, mutations.replace_word))(text, rng)
    if rng.random() < 0.02:
        return b'{"a":' * 5000 + b"1" + b"}" * 5000
    holders = list(_holders(tree))
    if not holders:
        return json.dumps(rng.choice(_VALUES)).encode()
    holder, key = rng.choice(holders)
    kind = rng.random()
    if kind < 0.75:
        holder[key] = _near(holder[key], rng)
    elif kind < 0.9:
        del holder[key]
    elif isinstance(holder, dict):
        holder[rng.choice(("extra", "", "\0", "__class__", "self"))] = rng.choice(_VALUES)
    else:
        holder.insert(key, rng.choice(_VALUES))
    return json.dumps(tree).encode("utf-8", "surrogatepass")


def _near(value: Any, rng: Random) -> Any:
    """A hostile value, half of the time of the same type."""
    if rng.random() < 0.5:
        same = [one for one in _VALUES if type(one) is type(value)]
        return rng.choice(same or _VALUES)
    return rng.choice(_VALUES)


def _holders(tree: Any) -> Any:
    if isinstance(tree, dict | list):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _holders(tree[key])


def change_tensors(data: bytes, rng: Random) -> bytes:
    """Change the header of a safetensors file, or the description inside it."""
    if len(data) < 8:
        return data
    (length,) = struct.unpack("<Q", data[:8])
    header, rest = data[8 : 8 + length], data[8 + length :]
    try:
        tree = json.loads(header)
        described = rng.random() < 0.7 and isinstance(tree["__metadata__"]["iceblock"], str)
    except (ValueError, LookupError, TypeError, RecursionError):
        described = False
    if described:
        inside = change_json(tree["__metadata__"]["iceblock"].encode("utf-8", "replace"), rng)
        tree["__metadata__"]["iceblock"] = inside.decode("utf-8", "replace")
        header = json.dumps(tree).encode()
    else:
        header = change_json(header, rng)
    return struct.pack("<Q", len(header)) + header + rest


def change_records(data: bytes, rng: Random) -> bytes:
    """Change the header of a NumPy file, or of a compressed CryoSPARC file."""
    if data[:6] == b"\x95CSDAT":
        (length,) = struct.unpack("<I", data[6:10].ljust(4, b"\0"))
        header, rest = change_json(data[10 : 10 + length], rng), data[10 + length :]
        return data[:6] + struct.pack("<I", len(header)) + header + rest
    version = data[6:7] or b"\1"
    wide = version > b"\1"
    start = 12 if wide else 10
    (length,) = struct.unpack("<I" if wide else "<H", data[8:start].ljust(start - 8, b"\0"))
    header, rest = data[start : start + length].rstrip(), data[start + length :]
    change = rng.choice((mutations.replace_number, mutations.replace_word, change_type))
    header = change(header, rng)
    return data[:6] + b"\2\0" + struct.pack("<I", len(header) + 1) + header + b"\n" + rest


def change_type(header: bytes, rng: Random) -> bytes:
    """Another type for a field of a NumPy header."""
    kinds = (
        b"|O", b"<f8", b"<f4", b"<f2", b"<i8", b">u4", b"|S0", b"|S1", b"|S2147483647", b"<U5",
        b"<M8[ns]", b"|V0", b"|V16", b"<c8", b"|b1", b"<f16", b"|i1", b"m8", b"g", b"S", b"T",
        b"<i4,<i4", b"(2,)f4", b"(100000,100000)f4",
    )  # fmt: skip
    old = rng.choice((b"<u4", b"<u8", b"<f4", b"|S", b"<U"))
    if rng.random() < 0.1:
        return header.replace(b"'shape': (", b"'shape': (0, ")
    return header.replace(old, rng.choice(kinds), rng.choice((1, 1, -1)))


def change_zipped(data: bytes, rng: Random) -> bytes:
    """Change one member of a zip archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()[:50]}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, zlib.error, EOFError):
        return mutations.flip_bits(data, rng)
    if members:
        name = rng.choice(list(members))
        members[name] = rng.choice((change_records, mutations.flip_bits))(members[name], rng)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def change_gzipped(data: bytes, rng: Random) -> bytes:
    """Change what is compressed, or make it a bomb of zeros."""
    try:
        plain = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data
    if rng.random() < 0.02:
        return gzip.compress(plain[:1024] + bytes(1 << 26), 6, mtime=0)
    change = rng.choice((mutations.overwrite_word, mutations.truncate, mutations.flip_bits))
    return gzip.compress(change(plain, rng), 1, mtime=0)


def change_png(data: bytes, rng: Random) -> bytes:
    """Change the contents of a chunk of a PNG file, with the right checksum."""
    chunks, place = [], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return data
    number = 0 if rng.random() < 0.5 else rng.randrange(len(chunks))
    kind, content = chunks[number]
    change = rng.choice((mutations.overwrite_word, mutations.flip_bits, mutations.insert_token))
    chunks[number] = kind, change(content, rng)
    if rng.random() < 0.1:
        chunks.insert(1, rng.choice(chunks))
    made = [data[:8]]
    for kind, content in chunks:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        made.append(struct.pack(">I", len(content)) + kind + content + crc)
    return b"".join(made)


def change_mrc(data: bytes, rng: Random) -> bytes:
    """An extreme number in one field of an MRC header: sizes, mode, sampling, cell, axes."""
    field = rng.choice((0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 22, 23, 52, 53, 38, 39))
    if rng.random() < 0.5:
        word = struct.pack("<i", rng.choice((0, 1, -1, 2, 7, 33, 4096, 2**17, 2**30, 2**31 - 1)))
    else:
        word = mutations.overwrite_word(bytes(8), rng)[:4]
    return data[: 4 * field] + word + data[4 * field + 4 :]


def inner_mutations(path: PurePath) -> Sequence[mutations.Mutation]:
    """Ways of breaking a file that know its format, by its name."""
    known = {
        ".safetensors": change_tensors, ".cs": change_records, ".npz": change_zipped,
        ".png": change_png, ".gz": change_gzipped, ".mrc": change_mrc, ".mrcs": change_mrc,
        ".map": change_mrc,
    }  # fmt: skip
    change = known.get(path.suffix)
    return (change,) if change else ()
