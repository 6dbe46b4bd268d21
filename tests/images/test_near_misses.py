"""A named stack is missing and something like it lies there: it is said, with what helps."""

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from core.errors import IceblockError
from core.images.near_misses import near_miss
from core.images.particles import read_particles
from core.images.validation import validate

from .faces import CsFace, Face, StarFace
from .stacks import write_stack

FACES = pytest.mark.parametrize("face", [StarFace(), CsFace()], ids=["star", "cs"])


def message(path: Path) -> str:
    with pytest.raises(IceblockError) as caught:
        validate(read_particles(path))
    return str(caught.value)


@FACES
@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(("named", "there"), [("s.mrcs", "s.mrc"), ("s.mrc", "s.mrcs")])
def test_another_ending(face: Face, tmp_path: Path, absolute: bool, named: str, there: str) -> None:
    folder = tmp_path / "Extract 1"
    write_stack(folder / there)
    stack = folder / named if absolute else Path("Extract 1") / named
    table = face.make(tmp_path / "sub", [(stack.as_posix(), 0)])
    said = message(table)
    assert f"while {there} lies there" in said
    (command,) = re.findall(r"make a link to it \((.*)\)", said)
    subprocess.run(command, shell=True, check=True)  # the advice helps
    validate(read_particles(table))


@FACES
def test_a_packed_stack(face: Face, tmp_path: Path) -> None:
    write_stack(tmp_path / "s.mrcs")
    packed = tmp_path / "s.mrcs.gz"
    packed.write_bytes(gzip.compress((tmp_path / "s.mrcs").read_bytes()))
    table = face.make(tmp_path, [("s.mrcs", 0)])
    (tmp_path / "s.mrcs").unlink()
    said = message(table)
    assert "while s.mrcs.gz lies there, compressed" in said
    (command,) = re.findall(r"first \((.*)\)", said)
    subprocess.run(command, shell=True, check=True)
    validate(read_particles(table))


@FACES
def test_a_link_to_nothing(face: Face, tmp_path: Path) -> None:
    (tmp_path / "s.mrcs").symlink_to("gone.mrcs")
    assert "a link to gone.mrcs" in message(face.make(tmp_path, [("s.mrcs", 0)]))


def test_nothing_like_it(tmp_path: Path) -> None:
    write_stack(tmp_path / "s.mrcs")
    for name in ("s.mrcs", "t.mrcs", "s1.mrcs", "x" * 300, "a\0b", "..", "s.mrcs/a.mrcs"):
        assert near_miss(tmp_path / name) is None
