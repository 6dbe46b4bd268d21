"""RELION's grammar of image names: formats after a colon, doubled slashes, and what RELION sees."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from core.images.mrc.reader import read_header, read_images
from core.images.output_plan import output_names, plan_output
from core.images.particles import read_particles
from core.images.star.image_names import file_of, image_name, parse_image_names
from core.images.validation import validate
from core.remarks import collected

from .stacks import star_text, write_stack

TAGS = "_rlnOpticsGroup _rlnOpticsGroupName _rlnImagePixelSize _rlnImageSize _rlnVoltage "
TAGS += "_rlnSphericalAberration"
SPELLINGS = {
    "stack.mrc:mrcs": "stack.mrc",
    "stack.mrc:MRCS": "stack.mrc",
    "odd.xyz:mrcs": "odd.xyz",
    "bare:mrcs": "bare",
    ".//sub//stack.mrcs": "./sub/stack.mrcs",
}


@pytest.mark.parametrize(("name", "file"), SPELLINGS.items())
def test_a_format_is_no_part_of_the_file(name: str, file: str) -> None:
    assert file_of(name) == file
    names = parse_image_names([f"000003@{name}", f"1@{file}"], Path("x.star"), "data_")
    assert names.stacks == (file,)
    assert names.stack_ids.tolist() == [0, 0]
    assert names.indices.tolist() == [2, 0]


@pytest.mark.parametrize("name", ["12:30:05.mrcs", "a:b/c.mrcs", "a.mrcs:05", ":mrcs", "/a:1.mrc"])
def test_other_colons_belong_to_the_file(name: str) -> None:
    assert file_of(name) == name


def test_two_names_of_one_file_are_one_stack() -> None:
    tokens = ["s.mrc:mrcs", "2@t.mrcs", "3@s.mrc", "s.mrc"]
    names = parse_image_names(tokens, Path("x.star"), "data_")
    assert names.stacks == ("s.mrc", "t.mrcs")
    assert names.stack_ids.tolist() == [0, 1, 0, 0]
    assert names.unnumbered == {0: 0}


@pytest.mark.parametrize("name", SPELLINGS)
def test_relion_sees_the_same_images(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path / "made.mrcs", n=3)
    (tmp_path / "sub").mkdir()
    (tmp_path / "made.mrcs").rename(tmp_path / SPELLINGS[name])
    tokens = [image_name(index, name) for index in (2, 0)]
    text = star_text(tokens, optics="1 og1 2.0 32 300 2.7", optics_tags=TAGS)
    (tmp_path / "in.star").write_text(text)
    particles = read_particles(tmp_path / "in.star")
    (header,) = validate(particles)
    mine = read_images(header, particles.indices)
    new = particles.with_images(plan_output(particles, [header]).image_names("New"))
    assert new.restored().names == tokens  # as they were, format and all
    program = shutil.which("relion_stack_create")
    if program is None:
        pytest.skip("RELION is not installed")
    subprocess.run([program, "--i", "in.star", "--o", "out"], check=True, capture_output=True)
    made = read_header(tmp_path / "out.mrcs")
    np.testing.assert_array_equal(read_images(made, [0, 1]), mine)


def test_output_names_are_files_to_relion() -> None:
    names = output_names(["12:30:05.mrcs", "50%.mrcs", "a#1.mrcs", "a.mrcs"])
    assert names == ["12_30_05.mrcs", "50_.mrcs", "a_1.mrcs", "a.mrcs"]


@pytest.mark.parametrize("folder", ["50%", "a:b", "run#2"])
def test_a_folder_that_relion_cannot_name_is_told_of(folder: str, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrcs", n=1)
    (tmp_path / "in.star").write_text(star_text(["1@a.mrcs"]))
    particles = read_particles(tmp_path / "in.star")
    with collected(None) as sentences:
        particles.with_images([f"000001@{folder}/a.mrcs"])
        particles.with_images(["000001@Good/a.mrcs"])
    assert len(sentences) == 1
    assert "RELION" in sentences[0]
    assert folder in sentences[0]
