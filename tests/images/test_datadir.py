"""Stacks in a flat folder: `--datadir`, and what is written then is found without it."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import IceblockError
from core.images.mrc.reader import read_images
from core.images.output_plan import plan_output
from core.images.particles import read_particles
from core.images.validation import validate

from .faces import CsFace
from .stacks import star_text, write_stack

NAMES = ["000002@Extract/job003/a.mrcs", "000001@Extract/job003/b.mrcs:mrcs"]


@pytest.mark.parametrize("place", ["", "job003", "Extract/job003"])
@pytest.mark.parametrize("inside", [True, False])
def test_stacks_are_found_and_stay_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, inside: bool
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    folder = Path("my stacks") if inside else tmp_path / "stacks"
    for name in ("a.mrcs", "b.mrcs"):
        write_stack(folder / place / name)
    (project / "particles.star").write_text(star_text(NAMES))
    with pytest.raises(IceblockError, match=r"as --datadir"):
        validate(read_particles(Path("particles.star")))
    raw = read_particles(Path("particles.star"), datadir=folder)
    headers = validate(raw)
    wanted = [read_images(h, [i])[0] for h, i in zip(headers, (1, 0), strict=True)]
    names = plan_output(raw, headers).image_names("Denoised")
    for name in ("a.mrcs", "b.mrcs"):
        write_stack(project / "Denoised" / name)
    raw.with_images(names).write(project / "denoised.star")
    again = read_particles(Path("denoised.star")).restored()
    for row, header in enumerate(validate(again)):
        assert header.path.samefile(headers[row].path)
        np.testing.assert_array_equal(read_images(header, [again.indices[row]])[0], wanted[row])


def test_what_is_not_there(tmp_path: Path) -> None:
    star = tmp_path / "particles.star"
    star.write_text(star_text(NAMES))
    write_stack(tmp_path / "flat/a.mrcs")
    with pytest.raises(IceblockError, match=r"b\.mrcs, and there is no .*flat/b\.mrcs; check --da"):
        read_particles(star, datadir=tmp_path / "flat")
    write_stack(tmp_path / "flat/b.mrc")
    with pytest.raises(IceblockError, match=r"while b\.mrc lies there; make a link"):
        read_particles(star, datadir=tmp_path / "flat")
    with pytest.raises(IceblockError, match=r"none is no folder"):
        read_particles(star, datadir=tmp_path / "none")


def test_two_names_of_one_file_are_refused(tmp_path: Path) -> None:
    star = tmp_path / "particles.star"
    star.write_text(star_text(["1@job003/a.mrcs", "1@job004/a.mrcs"]))
    write_stack(tmp_path / "flat/a.mrcs")
    with pytest.raises(IceblockError, match=r"job003/a\.mrcs and job004/a\.mrcs, .* for both"):
        read_particles(star, datadir=tmp_path / "flat")
    for job in ("job003", "job004"):
        write_stack(tmp_path / "flat" / job / "a.mrcs")
    assert len(read_particles(star, datadir=tmp_path / "flat").stacks) == 2


def test_cs_files_have_a_project_folder_instead(tmp_path: Path) -> None:
    path = CsFace().make(tmp_path, [("a.mrc", 0)])
    with pytest.raises(IceblockError, match="--datadir belongs to STAR files; give --project-dir"):
        read_particles(path, datadir=tmp_path)
