"""`iceblock restore` gives back the STAR file that was denoised."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from core.commands.restore import command
from core.errors import IceblockError
from core.images.particles import read_particles
from core.runs.restoring import restore

from .stacks import star_text
from .star_tokens import read_tables


@pytest.fixture
def denoised(tmp_path: Path) -> Path:
    (tmp_path / "raw.star").write_text(star_text(["2@a.mrcs", "'1@b c.mrcs'", "01@a.mrcs"]))
    raw = read_particles(tmp_path / "raw.star")
    raw.with_images(["1@n.mrcs", "2@n.mrcs", "3@n.mrcs"]).write(tmp_path / "denoised.star")
    return tmp_path / "denoised.star"


def test_the_raw_tokens_come_back_without_any_image(tmp_path: Path, denoised: Path) -> None:
    assert restore(denoised, tmp_path / "back.star") == 3
    raw, back = read_tables(tmp_path / "raw.star"), read_tables(tmp_path / "back.star")
    assert all(new.same_as(old) for old, new in zip(raw, back, strict=True))


def test_what_exists_is_kept_unless_asked(tmp_path: Path, denoised: Path) -> None:
    (tmp_path / "back.star").write_text("precious")
    with pytest.raises(IceblockError, match=r"back\.star exists already.*--overwrite"):
        restore(denoised, tmp_path / "back.star")
    assert (tmp_path / "back.star").read_text() == "precious"
    assert restore(denoised, tmp_path / "back.star", overwrite=True) == 3
    before = denoised.read_bytes()
    with pytest.raises(IceblockError, match="is the input"):
        restore(denoised, denoised, overwrite=True)
    assert denoised.read_bytes() == before


def test_files_without_raw_images(tmp_path: Path, denoised: Path) -> None:
    with pytest.raises(IceblockError, match=r"raw\.star does not name raw images"):
        restore(tmp_path / "raw.star", tmp_path / "back.star")
    text = denoised.read_text().replace("2@a.mrcs", "None")
    (tmp_path / "gap.star").write_text(text)
    with pytest.raises(IceblockError, match=r"row 1 of data_.* has no rlnIceblockRawImageName"):
        restore(tmp_path / "gap.star", tmp_path / "back.star")
    assert not (tmp_path / "back.star").exists()


def test_the_command(tmp_path: Path, denoised: Path) -> None:
    runner = CliRunner()
    done = runner.invoke(command, [str(denoised), "--out", str(tmp_path / "back.star")])
    assert (done.exit_code, done.output.count("3 rows")) == (0, 1)
    shown = runner.invoke(command, ["--help"])
    assert "iceblock restore Select/job015/particles.star --out" in shown.output
