"""Ways of breaking a file, each drawn from a random generator, so that a seed names a file."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    Mutation = Callable[[bytes, Random], bytes]

MOST_BYTES = 1 << 22
"""Mutated contents are cut to this; what is larger is sparse."""
GIANT = (1 << 33, 1 << 38, 1 << 43)
"""Sizes of sparse files, bytes."""
_WORDS = (0, 1, -1, 2, 127, 255, 2**15, 2**16, 2**17, 2**30, 2**31 - 1, -(2**31), 2**31 - 4096)
_NUMBERS = (
    "0", "-1", "1", "2", "3", "65536", "2147483648", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "1e9", "1e19", "1e308", "1e400", "-1e400", "nan", "inf", "-inf",
    "1e-300", "1e-45", "0x10", "1_0", "٣", "1.5.2", "--1", "+1", "", "None", "true", "null", "[]",
    "{}", "'1'", "9" * 400, "9" * 5000, "0." + "0" * 500 + "1",
)  # fmt: skip
_TOKENS = (
    b"\0", b"\xff", b"\xfe\xff", b"\xc3\x28", "é".encode(), "\u202e".encode(), b"\x1b[31m", b"\r",
    b"\n", b"\r\n", b";", b"\n;\n", b"'", b'"', b"#", b"_", b"data_", b"loop_", b"save_", b"stop_",
    b"global_", b"@", b"@@", b"1@", b"000001@", b"/", b"../../../etc/passwd", b"/dev/zero",
    b"$(touch owned)", b"`touch owned`", b"; touch owned;", b"%s%n", b"{0}", b"a" * 300,
    b"a" * 70_000, b"\xf0\x9f\x98\x80", b"(" * 3000, b"[" * 100_000, b"{" * 1000, b"nan", b"-",
    b"^", b"^ff", b"^00", b"?", b".", b"~", b"|O", b"O8", b"c__builtin__\neval\n", b">",
    b">/etc/passwd",
)  # fmt: skip


@dataclass(frozen=True)
class Mutated:
    """A broken file: its contents, and its length where it is longer, with holes."""

    data: bytes
    size: int = 0


def mutate(data: bytes, rng: Random, inner: Sequence[Mutation] = ()) -> Mutated:
    """Break the contents of a file in one to three ways.

    Parameters
    ----------
    data
        Of a whole file.
    rng
        Decides on everything.
    inner
        Further ways, which know the format; they are taken half of the time.
    """
    text = not _is_binary(data)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        if inner and rng.random() < 0.5:
            data = rng.choice(inner)(data, rng)
        else:
            data = rng.choice(_TEXT if text and rng.random() < 0.8 else _BYTES)(data, rng)
        data = data[:MOST_BYTES]
    return Mutated(data, rng.choice(GIANT) if rng.random() < 0.03 else 0)


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:2048] or data[:2] in (b"\x93N", b"\x89P", b"\x1f\x8b")


def _place(data: bytes, rng: Random) -> int:
    """Anywhere; the beginning, where headers are, more often."""
    length = len(data) if rng.random() < 0.6 else min(len(data), 1100)
    return rng.randrange(length + 1)


def flip_bits(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        place = _place(data, rng)
        if place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite_word(data: bytes, rng: Random) -> bytes:
    """An extreme number where a header may have one."""
    order, kind = rng.choice("<>"), rng.choice("iiifhq")
    if kind == "f":
        number = struct.pack(order + "f", rng.choice((float("nan"), float("inf"), -1.0, 0.0, 1e38)))
    else:
        word = rng.choice(_WORDS) % 2**16 if kind == "h" else rng.choice(_WORDS)
        number = struct.pack(order + ("H" if kind == "h" else kind), word)
    place = _place(data, rng) // 4 * 4
    return data[:place] + number + data[place + len(number) :]


def truncate(data: bytes, rng: Random) -> bytes:
    return data[: _place(data, rng)]


def extend(data: bytes, rng: Random) -> bytes:
    return data + rng.randbytes(rng.choice((1, 4, 1000)))


def remove_slice(data: bytes, rng: Random) -> bytes:
    start = _place(data, rng)
    return data[:start] + data[start + rng.choice((1, 2, 4, 16, 256)) :]


def repeat_slice(data: bytes, rng: Random) -> bytes:
    start = _place(data, rng)
    piece = data[start : start + rng.choice((1, 4, 64, 1024))]
    return data[:start] + piece * rng.choice((2, 3, 100, 2000)) + data[start:]


def move_slice(data: bytes, rng: Random) -> bytes:
    start, to = _place(data, rng), _place(data, rng)
    size = rng.choice((1, 4, 64, 1024))
    piece, rest = data[start : start + size], data[:start] + data[start + size :]
    return rest[:to] + piece + rest[to:]


def clear_slice(data: bytes, rng: Random) -> bytes:
    start, size = _place(data, rng), rng.choice((4, 64, 1024))
    fill = rng.choice((b"\0", b"\xff", b" "))
    return data[:start] + fill * min(size, len(data) - start) + data[start + size :]


def insert_token(data: bytes, rng: Random) -> bytes:
    place = _place(data, rng)
    return data[:place] + rng.choice(_TOKENS) + data[place:]


def replace_number(data: bytes, rng: Random) -> bytes:
    """An extreme number for one in decimal digits."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", data[:200_000]))
    if not found:
        return insert_token(data, rng)
    start, end = rng.choice(found).span()
    return data[:start] + rng.choice(_NUMBERS).encode() + data[end:]


def replace_word(data: bytes, rng: Random) -> bytes:
    """Another word of the same file, or a hostile one, for a word."""
    found = list(re.finditer(rb"[^\s,:{}\[\]()]+", data[:200_000]))
    if not found:
        return insert_token(data, rng)
    start, end = rng.choice(found).span()
    other = rng.choice(_TOKENS) if rng.random() < 0.5 else rng.choice(found).group()
    return data[:start] + other + data[end:]


def change_lines(data: bytes, rng: Random) -> bytes:
    """Remove, repeat, move or join lines."""
    lines = data.split(b"\n")
    line, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.choice(("remove", "repeat", "move", "join", "many", "block"))
    if change == "remove":
        del lines[line]
    elif change == "repeat":
        lines.insert(to, lines[line])
    elif change == "move":
        lines.insert(to, lines.pop(line))
    elif change == "join":
        lines[line : line + 2] = [b" ".join(lines[line : line + 2])]
    elif change == "many":
        lines[line : line + 1] = lines[line : line + 1] * rng.choice((50, 3000))
    else:
        lines[to:to] = lines[min(line, to) : max(line, to)]
    return b"\n".join(lines)


def change_encoding(data: bytes, rng: Random) -> bytes:
    text = data.decode("latin-1")
    change = rng.choice(("crlf", "cr", "bom", "utf-16", "utf-32", "long", "tabs", "upper", "nul"))
    if change in ("utf-16", "utf-32"):
        return text[:100_000].encode(change)
    return {
        "crlf": data.replace(b"\n", b"\r\n"),
        "cr": data.replace(b"\n", b"\r"),
        "bom": b"\xef\xbb\xbf" + data,
        "long": data.replace(b"\n", b" "),
        "tabs": data.replace(b" ", b"\t \v\f"),
        "upper": data.upper(),
        "nul": data.replace(b" ", b"\0"),
    }[change]


_BYTES: tuple[Mutation, ...] = (
    flip_bits, flip_bits, overwrite_word, overwrite_word, overwrite_word, truncate, extend,
    remove_slice, repeat_slice, move_slice, clear_slice, insert_token,
)  # fmt: skip
_TEXT: tuple[Mutation, ...] = (
    replace_number, replace_number, replace_word, replace_word, change_lines, change_lines,
    insert_token, change_encoding, truncate, flip_bits,
)  # fmt: skip
