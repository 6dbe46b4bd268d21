"""Each fault a lab meets: one sentence, exit 1, nothing half-written, the input untouched."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.remarks import MARK

from .small_project import star_text, write_stack

STAR = Path("Extract/job003/particles.star")
STACK = Path("Extract/job003/A/mic.mrcs")
Run = Callable[..., int]


def cut(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def mixed_boxes() -> None:
    write_stack(Path("Extract/job003/B/mic.mrcs"), 5, 48)
    edit(STAR, "_rlnImageSize #3\n1 4.0 32", "_rlnX #3\n1 4.0 32")


def not_square() -> None:
    with mrcfile.new(STACK, overwrite=True) as file:
        file.set_data(np.zeros((6, 32, 40), np.float32))


def tiny_boxes() -> None:
    for folder, n in (("A", 6), ("B", 5)):
        path = Path(f"Extract/job003/{folder}/mic.mrcs")
        write_stack(path, n, 16)
    edit(STAR, "1 4.0 32", "1 4.0 16")


def write_complex() -> None:
    with mrcfile.new(STACK, overwrite=True) as file:
        file.set_data(np.zeros((6, 32, 32), np.complex64))


FAULTS: dict[str, tuple[Callable[[], object], str]] = {
    "missing STAR": (STAR.unlink, "does not exist"),
    "empty STAR": (lambda: STAR.write_text(""), "empty"),
    "binary STAR": (lambda: STAR.write_bytes(bytes(range(256)) * 9), "particles.star"),
    "garbage STAR": (lambda: STAR.write_text("hello\nworld\n"), "particles.star"),
    "no image names": (lambda: edit(STAR, "_rlnImageName", "_rlnMicrographName"), "particles"),
    "no rows": (lambda: STAR.write_text(star_text([])), "particles"),
    "ragged row": (lambda: edit(STAR, "1.50 'a b'", "1.50"), "line"),
    "bad image name": (lambda: edit(STAR, "000006@", "six@"), "six@"),
    "missing stack": (STACK.unlink, "mic.mrcs"),
    "missing folder": (lambda: shutil.rmtree("Extract/job003/A"), "mic.mrcs"),
    "truncated stack": (lambda: cut(STACK, 3000), "truncated"),
    "empty stack": (lambda: cut(STACK, 0), "empty"),
    "no MRC file": (lambda: STACK.write_bytes(b"not an image " * 1000), "not an MRC file"),
    "complex stack": (write_complex, "Fourier"),
    "index beyond the stack": (lambda: edit(STAR, "000006@", "000009@"), "6 images"),
    "index zero": (lambda: edit(STAR, "000006@", "000000@"), "000000@"),
    "box differs from optics": (lambda: edit(STAR, "1 4.0 32", "1 4.0 64"), "rlnImageSize 64"),
    "mixed boxes": (mixed_boxes, "mixes boxes"),
    "not square": (not_square, "square"),
    "tiny box": (tiny_boxes, "at least 32"),
    "no pixel size": (lambda: edit(STAR, "_rlnImagePixelSize", "_rlnX"), "--pixel-size"),
    "unknown optics group": (lambda: edit(STAR, "mic.mrcs 1 ", "mic.mrcs 7 "), "7"),
    "output is a file": (lambda: Path("Den").write_text("precious"), "Den"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    break_it, message = FAULTS[fault]
    break_it()
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model) == 1
    error = capsys.readouterr().err
    assert message in error
    (said,) = [line for line in error.splitlines() if not line.startswith(MARK)]
    assert said.startswith("iceblock: ")
    assert {p: p.read_bytes() for p in project.rglob("*") if p.is_file()} == before


def test_full_disk_leaves_nothing_half_written(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import errno

    from core.images.mrc import writer as mrc_writer

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(mrc_writer.StackStatistics, "add", full)
        broken.setattr(mrc_writer, "write_fully", full)
        assert iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q") == 1
    assert "disk is full" in capsys.readouterr().err
    assert not list(Path("Den").rglob("*.mrcs"))
    assert not list(Path("Den").rglob("*.partial"))
    assert not Path("Den/particles.star").exists()
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q") == 0
