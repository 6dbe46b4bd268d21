"""What is wrong with the images of a set of particles is found before anything is computed."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import IceblockError
from core.images.particles import ParticleSet, read_particles
from core.images.validation import validate
from core.remarks import collected

from .faces import CsFace, Face, StarFace
from .stacks import old_star_text, star_text, write_raw, write_stack


def particles(folder: Path, text: str) -> ParticleSet:
    (folder / "particles.star").write_text(text)
    return read_particles(folder / "particles.star")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path / "a.mrcs", n=3, box=32)
    write_stack(tmp_path / "b.mrcs", n=2, box=33)


def test_real_projects_are_valid(test_data: Path) -> None:
    for path in test_data.glob("projects/*/Extract/job003/particles.star"):
        whole = read_particles(path)
        headers = validate(whole)
        assert [header.path for header in headers] == [whole.path_of(s) for s in whole.stacks]
        assert sum(header.n_images for header in headers) == whole.n
    subtilts = read_particles(test_data / "particles/tomo_subtilts/sta_testing_bin8.star")
    assert validate(subtilts)[0].n_images == subtilts.n + 1


def test_odd_boxes_and_several_groups_are_valid(tmp_path: Path) -> None:
    text = star_text(["1@a.mrcs", "2@b.mrcs"], [1, 2], "1 x 2.0 32\n2 y 2.0 33")
    assert [header.box_x for header in validate(particles(tmp_path, text))] == [32, 33]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (star_text(["1@a.mrcs", "4@a.mrcs"]), "row 2 names 4@a.mrcs, and .*has only 3 images"),
        (star_text(["a.mrcs"]), "row 1 names a.mrcs without an image number.* 3 sections"),
        (star_text(["1@b.mrcs"]), "og1 has rlnImageSize 32, and the images in b.mrcs .*have 33"),
        (
            star_text(
                ["1@a.mrcs", "1@b.mrcs"],
                None,
                "1 og1 2.0",
                "_rlnOpticsGroup _rlnX _rlnImagePixelSize",
            ),
            "optics group 1 mixes boxes of 32 pixels .a.mrcs. and of 33 pixels .b.mrcs, row 2",
        ),
        (
            old_star_text(["1@a.mrcs", "1@b.mrcs"], ["_rlnImageName"]),
            "mixes boxes .*; extract all of them with one box",
        ),
    ],
)
def test_particles_that_do_not_fit_their_images(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(IceblockError, match=rf"particles\.star:? .*{says}"):
        validate(particles(tmp_path, text))


def test_damaged_and_odd_stacks(tmp_path: Path) -> None:
    write_raw(tmp_path / "wide.mrcs", np.zeros((2, 40, 42), "f4"))
    write_stack(tmp_path / "small.mrcs", box=31)
    write_stack(tmp_path / "cut.mrcs")
    with (tmp_path / "cut.mrcs").open("r+b") as file:
        file.truncate(5000)
    (tmp_path / "text.mrcs").write_text("no image")
    for name, says in {
        "wide": "images of 42 x 40 pixels, and only square",
        "small": "boxes of at least 32 pixels",
        "cut": "is truncated",
        "text": "too short to be an MRC file",
    }.items():
        text = old_star_text([f"1@{name}.mrcs"], ["_rlnImageName"])
        with pytest.raises(IceblockError, match=rf"{name}\.mrcs.*{says}"):
            validate(particles(tmp_path, text))


def test_missing_stacks(tmp_path: Path) -> None:
    for name in ("none.mrcs", f"{tmp_path}/none.mrcs"):
        with pytest.raises(IceblockError, match=r"none\.mrcs"):
            validate(particles(tmp_path, star_text([f"1@{name}"])))


def test_a_bare_name_means_the_only_image_of_a_file(tmp_path: Path) -> None:
    write_stack(tmp_path / "one.mrcs", n=1)
    found = particles(tmp_path, star_text(["one.mrcs"]))
    assert validate(found)[0].n_images == 1
    assert found.indices.tolist() == [0]


@pytest.mark.parametrize(
    ("header", "table", "told"),
    [(2.0, 2.0, False), (2.09, 2.0, False), (2.2, 2.0, True), (1.8, 2.0, True), (5.36, 1.0, True),
     (0.0, 2.0, False), (1.0, 2.0, False), (1e9, 2.0, False)],
)  # fmt: skip
@pytest.mark.parametrize("face", [StarFace(), CsFace()], ids=["star", "cs"])
def test_another_pixel_size_in_the_header_is_told(
    tmp_path: Path, face: Face, header: float, table: float, told: bool
) -> None:
    for name in ("a.mrcs", "b.mrcs"):
        write_raw(tmp_path / name, np.zeros((2, 32, 32), np.float32), pixel_size=header)
    path = face.make(tmp_path, [("a.mrcs", 0), ("b.mrcs", 1)], optics={1: (table, 32)})
    with collected(None) as sentences:
        validate(read_particles(path))
    assert len(sentences) == told
    if told:
        assert f"is {table:.4g} Å" in sentences[0]
        assert f"says {header:.4g} Å (2 of 2 particles)" in sentences[0]
        assert "the pixel size of particles." in sentences[0]


def test_a_given_pixel_size_is_not_said_to_be_the_table_s(tmp_path: Path) -> None:
    (tmp_path / "particles.star").write_text(star_text(["1@a.mrcs"]))
    with collected(None) as sentences:
        validate(read_particles(tmp_path / "particles.star", 4.0))
    assert ["the pixel size that was given is 4 Å" in said for said in sentences] == [True]
