"""CryoSPARC's locations against the pixels of real and made micrographs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.cs.exposures import write_micrographs, write_picks
from core.images.cs.locations import (
    box_in_micrographs,
    check_direction,
    locations,
    read_both_ways,
    to_fractions,
)
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import list_micrographs, read_micrograph

DIAMETERS = {"empiar10028_80S": 270, "empiar10059_trpv1": 110, "empiar10146_apoferritin": 130}


def located(fractions: list[tuple[float, float]], paths: list[str], shape=(200, 300)):
    """Make records from (x, y) fractions."""
    records = np.zeros(
        len(paths),
        [
            ("uid", "u8"), ("location/micrograph_path", "S60"),
            ("location/micrograph_shape", "u4", (2,)),
            ("location/center_x_frac", "f4"), ("location/center_y_frac", "f4"),
        ],
    )  # fmt: skip
    records["location/micrograph_path"] = [path.encode() for path in paths]
    records["location/micrograph_shape"] = shape
    records["location/center_x_frac"], records["location/center_y_frac"] = zip(
        *fractions, strict=True
    )
    return records


@pytest.mark.parametrize("name", DIAMETERS)
def test_real_images_tell_which_way_round_picks_are(
    test_data: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = test_data / "projects" / name
    monkeypatch.chdir(project)
    micrographs = list_micrographs(project / "Micrographs/micrographs.star")[:2]
    picks = read_picks(project / "AutoPick/job002/autopick.star", micrographs)
    images = [read_micrograph(one).pixels for one in micrographs]
    fractions, paths, shapes = [], [], []
    for image, one in zip(images, micrographs, strict=True):
        coordinates = picks.of(one.name)
        x, y = to_fractions(coordinates, np.array([image.shape]))
        fractions += list(zip(x, y, strict=True))
        paths += [str(one.path.name)] * len(coordinates)
        shapes += [image.shape] * len(coordinates)
    records = located(fractions, paths, shapes)
    radius = DIAMETERS[name] / 2 / micrographs[0].pixel_size
    by_name = dict(zip([one.path.name for one in micrographs], images, strict=True))

    for flip_y in (False, True):
        found = locations(records, Path("J1.picks"), flip_y)
        seen = read_both_ways([by_name[key] for key in found], list(found.values()), radius)
        right, wrong = (seen.mirrored, seen.upright) if flip_y else (seen.upright, seen.mirrored)
        assert right < -20  # particles are dark
        assert abs(wrong) < abs(right) / 4
        assert seen.looks_mirrored is flip_y


def test_direction_is_told_in_a_sentence(test_data: Path) -> None:
    project = test_data / "projects/empiar10028_80S"
    image = project / "Micrographs/061_10028.mrc"
    known = read_picks(project / "AutoPick/job002/autopick.star", list_micrographs(image, 5.36))
    picks = known.of(image.as_posix())
    assert check_direction({image: picks}, 25) == ""
    flipped = np.column_stack([1023 - picks[:, 0], picks[:, 1]])
    assert "look mirrored" in check_direction({image: flipped}, 25)
    anywhere = np.random.default_rng(1).uniform(100, 900, (60, 2))
    assert "do not stand out" in check_direction({image: anywhere}, 25)


def test_fractions_are_of_y_and_x_sides() -> None:
    records = located([(0.5, 0.25), (0, 1)], ["a.mrc", "b.mrc"])
    found = locations(records, Path("x"))
    assert {name: picks.tolist() for name, picks in found.items()} == {
        "a.mrc": [[50.0, 150.0]],
        "b.mrc": [[200.0, 0.0]],
    }
    assert locations(records, Path("x"), flip_y=True)["b.mrc"].tolist() == [[0.0, 0.0]]


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=1),
    st.booleans(),
)
def test_fractions_come_back(fractions: list[tuple[float, float]], flip_y: bool) -> None:
    records = located(fractions, ["a.mrc"] * len(fractions))
    found = locations(records, Path("x"), flip_y)["a.mrc"]
    x, y = to_fractions(found, records["location/micrograph_shape"], flip_y)
    np.testing.assert_allclose(np.column_stack([x, y]), fractions, atol=1e-6)


@pytest.mark.parametrize("wrong", [(1.5, 0.5), (0.5, -0.1), (float("nan"), 0.5)])
def test_locations_outside_are_named(wrong: tuple[float, float]) -> None:
    with pytest.raises(IceblockError, match=r"J1.picks: the location of row 2"):
        locations(located([(0.5, 0.5), wrong], ["a.mrc"] * 2), Path("J1.picks"))


def test_particles_without_locations_are_named() -> None:
    with pytest.raises(IceblockError, match=r"J1.picks has no location/micrograph_path"):
        locations(np.zeros(1, [("uid", "u8")]), Path("J1.picks"))


def test_star_files_say_the_same(tmp_path: Path) -> None:
    paths = [b"J2/mot/a 1.mrc", b"J2/mot/b.mrc"]
    exposures = np.zeros(
        2,
        [
            ("micrograph_blob/path", "S30"), ("micrograph_blob/psize_A", "f4"),
            ("ctf/accel_kv", "f4"), ("ctf/cs_mm", "f4"),
        ],
    )  # fmt: skip
    exposures["micrograph_blob/path"], exposures["micrograph_blob/psize_A"] = paths, 1.31
    exposures["ctf/accel_kv"], exposures["ctf/cs_mm"] = 200, 2.0
    for path in paths:
        (tmp_path / path.decode()).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.decode()).touch()
    star, picks = tmp_path / "J3/mics.star", tmp_path / "J3/picks.star"
    write_micrographs(exposures, Path("J2.exposures"), star)
    found = list_micrographs(star)
    assert [one.name for one in found] == [path.decode() for path in paths]
    assert [one.path for one in found] == [tmp_path / path.decode() for path in paths]
    assert {one.pixel_size for one in found} == {1.31}
    assert "200 2 0.1" in star.read_text()
    write_picks({"J2/mot/a 1.mrc": np.array([[1.5, 2.25], [3, 4]])}, picks)
    read = read_picks(picks, found)
    assert read.of("J2/mot/a 1.mrc").tolist() == [[1.5, 2.25], [3.0, 4.0]]
    assert read.of("J2/mot/b.mrc") is None

    exposures["micrograph_blob/psize_A"][1] = 2.0
    with pytest.raises(IceblockError, match=r"J2.exposures has pixel sizes from 1.31 to 2 Å"):
        write_micrographs(exposures, Path("J2.exposures"), star)
    with pytest.raises(IceblockError, match="has no micrograph_blob"):
        write_micrographs(exposures[["ctf/cs_mm"]], Path("J2.exposures"), star)


def test_box_of_extracted_particles() -> None:
    records = np.zeros(1, [("blob/shape", "u4", (2,)), ("blob/psize_A", "f4")])
    records["blob/shape"], records["blob/psize_A"] = 128, 2.62
    assert box_in_micrographs(records, 1.31) == 256
    assert box_in_micrographs(records, 1.0) == 336
