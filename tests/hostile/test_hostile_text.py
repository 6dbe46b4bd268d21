"""STAR files and picks with numbers and names beyond all use."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import IceblockError
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import Micrograph
from core.images.particles import read_particles
from core.images.star.document import StarFile
from core.images.star.tokens import quote

from .hostile_files import edit, stretch
from .hostile_targets import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("000001@S/a.mrcs", "9" * 5000 + "@S/a.mrcs", "rlnImageName"),
        ("000001@S/a.mrcs", "٣" * 5000 + "@S/a.mrcs", "rlnImageName"),
        ("4.0 32", "1e300 32", "rlnImagePixelSize"),
        ("4.0 32", "1e-300 32", "rlnImagePixelSize"),
        ("4.0 32", "4.0 1e300", "whole number"),
        ("1 og1", "1e30 og1", "whole number"),
        ("S/b c.mrcs", "S/b\tc.mrcs", "S/b"),
    ],
)
def test_star_files(project: Callable[[str], Path], old: str, new: str, says: str) -> None:
    path = edit(project("star") / "particles.star", old, new)
    with pytest.raises(IceblockError, match=says):
        KINDS["star"].read(path.relative_to(Path.cwd()))


def test_no_optics_groups_at_all(project: Callable[[str], Path]) -> None:
    path = project("star") / "particles.star"
    text = re.sub(r"\n1 og1.*\n", "\n", path.read_text())
    path.write_text(text)
    with pytest.raises(IceblockError, match="data_optics is empty"):
        read_particles(path)


def test_pixel_sizes_that_no_number_holds(project: Callable[[str], Path]) -> None:
    path = edit(project("star") / "old.star", "10000 4.0", "1e-300 1e300")
    with pytest.raises(IceblockError, match="must be above 0"):
        _ = read_particles(path).pixel_sizes


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\0", "a' \"b", os.fsdecode(b"\xff"), "\x1b[0m"])
def test_what_no_token_can_hold(text: str) -> None:
    with pytest.raises(IceblockError, match="cannot stand in a STAR file"):
        quote(text)


@pytest.mark.parametrize("name", ["particles.star", "micrographs.star", "picks.box"])
def test_endless_text_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("data_\n\nloop_\n_rlnImageName\n000001@a.mrcs\n")
    stretch(path)
    micrograph = Micrograph("a", Path("a"), 1.0)
    with pytest.raises(IceblockError, match=r"binary|memory"):
        read_picks(path, [micrograph]) if name == "picks.box" else StarFile.read(path)


def test_picks_of_nothing_and_of_long_names(project: Callable[[str], Path]) -> None:
    folder = project("picks")
    micrographs = [Micrograph("Micrographs/mic1.mrc", Path("Micrographs/mic1.mrc"), 4.0)]
    lines = (folder / "particles.star").read_text().splitlines()
    (folder / "none.star").write_text("\n".join([*lines[:6], ""]))
    with pytest.raises(IceblockError, match="holds no picks"):
        read_picks(folder / "none.star", micrographs)
    edit(folder / "autopick.star", "Pick/mic1_autopick.star", "x" * 10_000)
    assert read_picks(folder / "autopick.star", micrographs).of("Micrographs/mic1.mrc") is None
