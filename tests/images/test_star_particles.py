"""Which images a STAR file means, and at what pixel size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.particles import read_particles
from core.images.star.image_names import image_name, parse_image_names

from .stacks import old_star_text, star_text, write_stack

IMAGE = "_rlnImageName"
OPTICS = "_rlnOpticsGroup _rlnOpticsGroupName _rlnImagePixelSize _rlnImageSize"


def star(folder: Path, text: str, name: str = "particles.star") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from("abcd")), min_size=1))
def test_names_are_taken_apart(rows: list[tuple[int, str]]) -> None:
    tokens = [image_name(index, f"{stack}.mrcs") for index, stack in rows]
    names = parse_image_names(tokens, Path("x.star"), "data_particles")
    assert list(names.stacks) == list(dict.fromkeys(f"{stack}.mrcs" for _, stack in rows))
    assert [names.stacks[place] for place in names.stack_ids] == [f"{s}.mrcs" for _, s in rows]
    assert names.indices.tolist() == [index for index, _ in rows]


@pytest.mark.parametrize(
    ("token", "stack", "index"),
    [
        ("000012@a/b.mrcs", "a/b.mrcs", 11),
        ("1@/abs/b.mrc", "/abs/b.mrc", 0),
        ("'7@a b.mrcs'", "a b.mrcs", 6),
        ('"7@a b.mrcs"', "a b.mrcs", 6),
        ("3@user@host.mrcs", "user@host.mrcs", 2),
        ("bare/a.mrc", "bare/a.mrc", 0),
    ],
)
def test_spellings_of_one_name(token: str, stack: str, index: int) -> None:
    names = parse_image_names([token], Path("x.star"), "data_")
    assert (names.stacks, names.indices.tolist()) == ((stack,), [index])
    assert names.unnumbered == ({0: 0} if "@" not in token else {})


@pytest.mark.parametrize(
    "token", ["0@a.mrcs", "000000@a.mrcs", "-1@a.mrcs", "x@a.mrcs", "1@", "@a.mrcs", "None", '""']
)
def test_wrong_names_are_named_with_their_row(token: str) -> None:
    with pytest.raises(IceblockError, match=r"x\.star: row 2 of data_ has rlnImageName"):
        parse_image_names(["1@a.mrcs", token], Path("x.star"), "data_")


def test_real_particles(test_data: Path) -> None:
    expected = {
        "aspire_sample/sample_particles_relion30.star": (17, 1, 1.338),
        "aspire_sample/sample_particles_relion31.star": (17, 1, 1.4),
        "cryodrgn_misc/relion31.star": (5, 1, 2.806),
        "cryodrgn_misc/relion31.v2.star": (5, 1, 2.806),
        "cryodrgn_misc/relion5.star": (17, 2, 0.89),
        "empiar10076/empiar_10076_7.star": (7, 1, 1.31),
        "tomo_subtilts/sta_testing_bin8.star": (219, 1, 1.96),
    }
    for name, (n, stacks, pixel_size) in expected.items():
        particles = read_particles(test_data / "particles" / name)
        assert (particles.n, len(particles), len(particles.stacks)) == (n, n, stacks)
        np.testing.assert_allclose(particles.pixel_sizes, pixel_size, rtol=1e-3)


def test_six_real_optics_groups(test_data: Path) -> None:
    path = test_data / "particles/cryodrgn_misc/relion31.6opticsgroups.star"
    particles = read_particles(path)
    assert set(particles.boxes) == {196}
    sizes = {"opticsGroup3": 1.24, "opticsGroup4": 1.24}
    for group, size in zip(particles.optics_groups, particles.pixel_sizes, strict=True):
        assert size == sizes.get(particles.optics_names[group], 1.25)
    ctf = particles.ctf()
    assert ctf is not None
    spherical = {particles.optics_names.index("opticsGroup1"): 2.6}
    expected = [spherical.get(group, 2.7) for group in particles.optics_groups]
    assert ctf["spherical_aberration"].tolist() == expected
    assert ctf["defocus_u"][0] == 10352.805929
    assert (ctf["voltage"] == 200).all()


def test_ctf_of_old_files_and_of_none(tmp_path: Path) -> None:
    tags = [IMAGE, "_rlnDefocusU", "_rlnVoltage", "_rlnSphericalAberration"]
    path = star(tmp_path, old_star_text(["1@a.mrcs 12000 300 2.7"], tags))
    with pytest.raises(IceblockError, match="defocus and no rlnAmplitudeContrast"):
        read_particles(path).ctf()
    path = star(
        tmp_path, old_star_text(["1@a.mrcs 12000 300 2.7 .1"], [*tags, "_rlnAmplitudeContrast"])
    )
    ctf = read_particles(path).ctf()
    assert ctf is not None
    assert {key: values.tolist() for key, values in ctf.items()} == {
        "defocus_u": [12000],
        "defocus_v": [12000],
        "defocus_angle": [0],
        "phase_shift": [0],
        "voltage": [300],
        "spherical_aberration": [2.7],
        "amplitude_contrast": [0.1],
    }
    assert read_particles(star(tmp_path, star_text(["1@a.mrcs"]))).ctf() is None


@pytest.mark.parametrize("tag", ["_rlnCtfDataArePhaseFlipped", "_rlnCtfDataAreCtfPremultiplied"])
@pytest.mark.parametrize("value", [0, 1])
def test_images_that_their_ctf_was_applied_to(tmp_path: Path, tag: str, value: int) -> None:
    path = star(tmp_path, old_star_text([f"1@a.mrcs {value}"], [IMAGE, tag]))
    assert read_particles(path).ctf_applied is bool(value)
    assert not read_particles(star(tmp_path, star_text(["1@a.mrcs"]))).ctf_applied


@pytest.mark.parametrize(
    ("tags", "values", "expected"),
    [
        ("_rlnImagePixelSize", "1.5", 1.5),
        ("_rlnPixelSize", "1.6", 1.6),
        ("_rlnDetectorPixelSize _rlnMagnification", "5.0 50000", 1.0),
        ("_rlnDetectorPixelSize _rlnMagnification _rlnPixelSize", "5.0 40000 9", 1.25),
        ("_rlnDetectorPixelSize _rlnMagnification _rlnImagePixelSize", "5.0 40000 2", 2.0),
    ],
)
def test_pixel_size_of_old_files(tmp_path: Path, tags: str, values: str, expected: float) -> None:
    path = star(tmp_path, old_star_text([f"1@a.mrcs {values}"], [IMAGE, *tags.split()]))
    assert read_particles(path).pixel_sizes.tolist() == [expected]
    assert read_particles(path, pixel_size=3.0).pixel_sizes.tolist() == [3.0]


def test_pixel_size_of_the_headers(tmp_path: Path) -> None:
    path = star(tmp_path, old_star_text(["1@a.mrcs", "1@b.mrcs", "2@a.mrcs"], [IMAGE]))
    write_stack(tmp_path / "a.mrcs", pixel_size=1.7)
    write_stack(tmp_path / "b.mrcs", pixel_size=2.1)
    assert read_particles(path).pixel_sizes.tolist() == [1.7, 2.1, 1.7]


@pytest.mark.parametrize("unknown", [0.0, 1.0, 5000.0])
def test_headers_that_know_no_pixel_size(tmp_path: Path, unknown: float) -> None:
    path = star(tmp_path, old_star_text(["1@a.mrcs"], [IMAGE]))
    write_stack(tmp_path / "a.mrcs", pixel_size=unknown)
    with pytest.raises(IceblockError, match=f"a.mrcs says {unknown:g} .*give --pixel-size"):
        _ = read_particles(path).pixel_sizes
    assert read_particles(path, pixel_size=1.0).pixel_sizes.tolist() == [1.0]


@pytest.mark.parametrize(
    ("tags", "values", "says"),
    [
        ("_rlnImagePixelSize", "0.0", "rlnImagePixelSize of row 1 of data_ is 0 and must be above"),
        ("_rlnImagePixelSize", "nan", "rlnImagePixelSize of row 1"),
        ("_rlnImagePixelSize", "abc", "row 1 of data_ has rlnImagePixelSize abc where a number"),
        ("_rlnDetectorPixelSize _rlnMagnification", "0 10000", "rlnDetectorPixelSize of row 1"),
    ],
)
def test_impossible_pixel_sizes(tmp_path: Path, tags: str, values: str, says: str) -> None:
    path = star(tmp_path, old_star_text([f"1@a.mrcs {values}"], [IMAGE, *tags.split()]))
    with pytest.raises(IceblockError, match=rf"particles\.star.*{says}"):
        _ = read_particles(path).pixel_sizes
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(IceblockError, match="not above 0"):
            read_particles(path, pixel_size=wrong)


def test_optics_groups_in_any_order(tmp_path: Path) -> None:
    text = star_text(["1@a.mrcs"] * 4, [7, 3, 7, 12], "7 x 1.1 64\n12 y 2.2 48\n3 'z z' 3.3 96")
    particles = read_particles(star(tmp_path, text))
    assert particles.pixel_sizes.tolist() == [1.1, 3.3, 1.1, 2.2]
    assert particles.boxes.tolist() == [64, 96, 64, 48]
    assert [particles.optics_names[group] for group in particles.optics_groups[:2]] == ["x", "z z"]


@pytest.mark.parametrize(
    ("groups", "optics", "says"),
    [
        ([1, 2], "1 og1 2.0 32", "row 2 of data_particles has rlnOpticsGroup 2"),
        ([1, 0], "1 og1 2.0 32", "row 2 of data_particles has rlnOpticsGroup 0"),
        ([1, 1], "1 og1 2.0 32\n1 og2 3.0 32", "rlnOpticsGroup twice"),
        ([1, 1], "1.5 og1 2.0 32", "row 1 of data_optics has rlnOpticsGroup 1.5 .*whole number"),
    ],
)
def test_wrong_optics_groups(tmp_path: Path, groups: list[int], optics: str, says: str) -> None:
    path = star(tmp_path, star_text(["1@a.mrcs", "2@a.mrcs"], groups, optics))
    with pytest.raises(IceblockError, match=rf"particles\.star: .*{says}"):
        read_particles(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("data_\nloop_\n_rlnMicrographName\na.mrc\n", "lists micrographs only"),
        ("data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1 2\n", "holds picks only"),
        ("data_\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\na b\n", "files of picks"),
        ("data_\nloop_\n_rlnReferenceImage\n1@a\n", "describes classes"),
        ("data_particles\nloop_\n_rlnImageName\n_rlnX\n", "data_particles is empty"),
        ("data_\nloop_\n_rlnFoo\n1\n", "none of its tables has the column rlnImageName"),
    ],
)
def test_files_without_particles(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(IceblockError, match=rf"particles\.star has no particles: .*{says}"):
        read_particles(star(tmp_path, text))


def test_real_files_without_particles(test_data: Path) -> None:
    for path in test_data.glob("projects/*/[AM]*/**/*.star"):
        with pytest.raises(IceblockError, match=r"no particles|not a STAR file"):
            read_particles(path)


@pytest.mark.parametrize(
    "text",
    [
        star_text(
            ["1@a.mrcs"], None, "1 x 1 3", OPTICS.replace("ImageSize", "ImageDimensionality")
        ),
        "data_general\n_rlnTomoSubTomosAre2DStacks 1\n\n" + star_text(["a.mrcs"]),
    ],
)
def test_subtomograms_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(IceblockError, match="holds subtomograms"):
        read_particles(star(tmp_path, text))
