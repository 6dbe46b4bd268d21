"""Names of files that were chosen to do harm, and a world in which harm is seen."""

from __future__ import annotations

import os
from pathlib import Path

import mrcfile
import numpy as np

from core.images.cs.table import write_table

BOX = 32
ODD = (
    "a b", "$(touch owned)", "`touch owned`", "; touch owned;", "&& touch owned", "| touch owned",
    "> owned", "-rf", "--out=elsewhere", "a|b&c", "{0}{x}%s%n%(a)s", "$x^{_\\frac$", "\\n\\x00",
    "é…日本", "\u202egpj", "#1", "~root", "*", "?", "[a]", "a'b", 'a"b', "_tag", "data_x", "loop_",
    "save_", "@", "a@b", "000001@x", ".", "..", "^ff", "x" * 245, "C:\\x", "a.partial", "None",
)  # fmt: skip
"""Stems that a disk takes and a STAR file can hold: they have to work."""
UNFIT = ("line\nend", "\rreturn", "\x1b[31mred", "tab\tand\x07bell", "both' \"quotes", "del\x7f")
"""Stems that a disk takes and no STAR file can hold."""
NOT_UTF8 = b"latin-\xe9\xff"


def write_images(path: Path, n: int = 2, box: int = BOX) -> None:
    """A stack of noise, whatever the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(n).normal(size=(n, box, box)).astype(np.float32)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(noise)


def snapshot(folder: Path, *outputs: Path) -> dict[str, object]:
    """Everything below a folder but the outputs: contents of files, and where links lead."""
    seen: dict[str, object] = {}
    skipped = [folder / output for output in outputs]
    for path in sorted(folder.rglob("*")):
        if any(path == one or one in path.parents for one in skipped):
            continue
        if path.is_symlink():
            seen[str(path)] = path.readlink()
        else:
            seen[str(path)] = path.read_bytes() if path.is_file() else None
    return seen


def set_traps(folder: Path) -> dict[str, str]:
    """Make pipes, loops and other snares in a folder; their names, from the folder, by kind."""
    os.mkfifo(folder / "pipe.mrcs")
    (folder / "loop.mrcs").symlink_to("loop.mrcs")
    (folder / "ring").symlink_to("ring2")
    (folder / "ring2").symlink_to("ring")
    (folder / "dangling.mrcs").symlink_to("/nowhere/at/all.mrcs")
    (folder / "zero.mrcs").symlink_to("/dev/zero")
    (folder / "folder.mrcs").mkdir()
    (folder / "secret.mrcs").symlink_to("/etc/passwd")
    return {
        "pipe": "pipe.mrcs", "loop": "loop.mrcs", "ring": "ring/x.mrcs", "nowhere": "dangling.mrcs",
        "endless device": "zero.mrcs", "folder": "folder.mrcs", "password file": "/etc/passwd",
        "link to it": "secret.mrcs", "device": "/dev/zero", "root": "/", "here": ".", "above": "..",
        "far above": "../" * 40 + "etc/passwd", "process": "/proc/self/mem", "nothing": "no.mrcs",
        "long": "x" * 300 + ".mrcs", "very long": "x/" * 5000 + "y.mrcs", "longest": "x" * 100_000,
        "terminal": "/dev/tty", "url": "https://example.org/x.mrcs", "home": "~/x.mrcs",
    }  # fmt: skip


def star(names: list[str], path: Path = Path("particles.star")) -> Path:
    """Write a particles STAR file with these tokens."""
    rows = "".join(f"{name} 1\n" for name in names)
    path.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n_rlnImageSize\n"
        f"1 4.0 {BOX}\n\ndata_particles\n\nloop_\n_rlnImageName\n_rlnOpticsGroup\n{rows}",
        encoding="utf-8",
    )
    return path


def cs(stacks: list[bytes], path: Path = Path("particles.cs"), name: str = "blob/path") -> Path:
    """Write a .cs file of the first image of each stack."""
    width = max(map(len, stacks)) + 1
    kinds = [("uid", "<u8"), ("blob/path", f"S{width}"), ("blob/idx", "<u4")]
    kinds += [("blob/shape", "<u4", (2,)), ("blob/psize_A", "<f4"), ("blob/sign", "<f4")]
    kinds += [("micrograph_blob/path", f"S{width}"), ("micrograph_blob/psize_A", "<f4")]
    records = np.zeros(len(stacks), dtype=kinds)
    records["uid"], records[name] = range(len(stacks)), stacks
    records["blob/shape"], records["blob/psize_A"], records["blob/sign"] = BOX, 4.0, 1.0
    records["micrograph_blob/psize_A"] = 4.0
    write_table(records, path)
    return path
