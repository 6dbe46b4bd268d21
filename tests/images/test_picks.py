"""Picks in all their spellings: the same coordinates for the same micrographs."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import Micrograph, list_micrographs
from core.remarks import collected

Table = dict[str, npt.NDArray[np.float64]]

NAMES = ["Micrographs/a.mrc", "Micrographs/b.mrc", "MotionCorr/job002/Movies/set/c.1.mrc"]
XY = "_rlnCoordinateX #1\n_rlnCoordinateY #2\n"
coordinates = st.lists(st.tuples(st.integers(-900, 9000), st.integers(-900, 9000)), max_size=5).map(
    lambda rows: np.array(rows, dtype=np.float64).reshape(-1, 2) / 8
)


def micrographs(names: Sequence[str] = NAMES) -> list[Micrograph]:
    return [Micrograph(name, Path("/data") / name, 1.0) for name in names]


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def rows(yx: npt.NDArray[np.float64], *more: str) -> str:
    return "".join(" ".join([f"{x:.6f}", f"{y:.6f}", *more]) + "\n" for y, x in yx)


def coordinate_star(yx: npt.NDArray[np.float64]) -> str:
    return f"\n# version 30001\n\ndata_\n\nloop_ \n{XY}{rows(yx)} \n"


def write_list(folder: Path, table: Table) -> Path:
    """RELION 4.0 and 5.0: a list of files, named from the project."""
    text = "data_coordinate_files\n\nloop_\n_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n"
    for number, (name, yx) in enumerate(table.items()):
        file = f"AutoPick/job004/picks/{number}.star"
        put(folder / file, coordinate_star(yx))
        text += f"{name} {file}\n"
    return put(folder / "AutoPick/job004/autopick.star", text)


def write_suffix(folder: Path, table: Table) -> Path:
    """RELION 3.1: files in the micrographs' own folders without JobType/jobNNN."""
    job = folder / "AutoPick/job005"
    for name, yx in table.items():
        own = name.removeprefix("MotionCorr/job002/").removesuffix(".mrc")
        put(job / f"{own}_autopick.star", coordinate_star(yx))
    return put(job / "coords_suffix_autopick.star", "CtfFind/job003/micrographs_ctf.star\n")


def write_old_particles(folder: Path, table: Table) -> Path:
    text = f"\ndata_\n\nloop_\n{XY}_rlnMicrographName #3\n"
    return put(folder / "old.star", text + "".join(rows(yx, n) for n, yx in table.items()))


def write_new_particles(folder: Path, table: Table) -> Path:
    """RELION 3.1 and later, with the rows of the micrographs mixed."""
    text = "# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup\n_rlnOpticsGroupName\n1 x\n\n"
    text += "# version 30001\n\ndata_particles\n\nloop_\n_rlnMicrographName\n_rlnCoordinateY\n"
    text += "_rlnCoordinateX\n_rlnImageName\n_rlnOpticsGroup\n"
    lines = [[f"{n} {y:.6f} {x:.6f} 1@{n}s 1\n" for y, x in yx] for n, yx in table.items()]
    mixed = itertools.chain.from_iterable(itertools.zip_longest(*lines, fillvalue=""))
    return put(folder / "particles.star", text + "".join(mixed))


def write_boxes(folder: Path, table: Table) -> Path:
    for name, yx in table.items():
        text = "".join(f"{x - 50:.6f}\t{y - 40:.6f}\t100\t80\n" for y, x in yx)
        put(folder / "boxes" / f"{Path(name).stem}.box", text)
    return folder / "boxes"


def write_stars(folder: Path, table: Table) -> Path:
    for name, yx in table.items():
        put(folder / "stars" / f"{Path(name).stem}_topaz.star", coordinate_star(yx))
    return folder / "stars"


def write_cboxes(folder: Path, table: Table) -> Path:
    """CrYOLO's boxes; what is not confident is no pick, a missing confidence is no reason."""
    tags = ("CoordinateX", "CoordinateY", "CoordinateZ", "Width", "Height", "Depth")
    head = "data_global\n\n_cbox_format_version   1.0\n\ndata_cryolo\n\nloop_\n"
    head += "".join(f"_{tag}\n" for tag in (*tags, "EstWidth", "EstHeight", "Confidence"))
    tail = "\n\ndata_cryolo_include\n\nloop_\n_slice_index #1\n\n"
    for name, yx in table.items():
        lines = [f"{x - 50:.6f} {y - 40:.6f} <NA> 100 80 <NA> 96 77 0.3" for y, x in yx]
        lines.append("5 5 <NA> 100 80 <NA> 96 77 0.29")
        put(folder / "CBOX" / f"{Path(name).stem}.cbox", head + "\n".join(lines) + tail)
    return folder / "CBOX"


def write_jsons(folder: Path, table: Table) -> Path:
    """EMAN2's project folder `info`, where other things have files too."""
    for name, yx in table.items():
        boxes = [[round(x, 6), round(y, 6), "manual", 0.5] for y, x in yx]
        info = json.dumps({"apix_unbin": 1.2, "boxes": boxes, "ctf": [1, 2]})
        put(folder / "info" / f"{Path(name).stem}_info.json", info)
    put(folder / "info/project.json", '{"global.apix": 1.2}')
    return folder / "info"


SPELLINGS = [
    write_list,
    write_suffix,
    write_old_particles,
    write_new_particles,
    write_boxes,
    write_stars,
    write_cboxes,
    write_jsons,
]


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(coordinates, min_size=3, max_size=3).filter(lambda parts: any(map(len, parts))))
def test_all_spellings_give_the_same(tmp_path: Path, parts: list[npt.NDArray[np.float64]]) -> None:
    table = dict(zip(NAMES, parts, strict=True))
    for write in SPELLINGS:
        picks = read_picks(write(tmp_path, table), micrographs())
        assert picks.total == sum(map(len, parts))
        assert picks.unmatched(NAMES) == ()
        for name, yx in table.items():
            found = picks.of(name)
            if found is None:  # a set of particles cannot list a micrograph without any
                assert write in (write_old_particles, write_new_particles)
                assert len(yx) == 0
                continue
            assert found.dtype == np.float64
            assert found.shape == yx.shape
            np.testing.assert_allclose(found, yx, atol=1e-6)
            inside = ((yx >= -0.5) & (yx <= (499.5, 699.5))).all(axis=1)
            assert picks.outside(name, (500, 700)) == (~inside).sum()


def test_real_projects(test_data: Path) -> None:
    totals = {"empiar10028_80S": 384, "empiar10059_trpv1": 2194, "empiar10146_apoferritin": 267}
    for name, total in totals.items():
        folder = test_data / "projects" / name
        listed = list_micrographs(folder / "Micrographs/micrographs.star")
        job = folder / "AutoPick/job002"
        sources = [
            job / "autopick.star",
            job / "coords_suffix_autopick.star",
            folder / "Extract/job003/particles.star",
            job,
            job / "Micrographs",
        ]
        all_picks = [read_picks(source, listed) for source in sources]
        for picks in all_picks:
            assert (picks.total, picks.remarks) == (total, ())
            assert picks.unmatched([one.name for one in listed]) == ()
        for one in listed:
            first = all_picks[0].of(one.name)
            assert first is not None
            assert all_picks[0].outside(one.name, (1240, 1240)) == 0
            for other in all_picks[1:]:
                np.testing.assert_array_equal(other.of(one.name), first)


def test_real_picks_of_one_file(test_data: Path) -> None:
    folder = test_data / "micrographs/micrograph_cleaner"
    listed = list_micrographs(folder, 1.35)
    picks = read_picks(folder / "Ucsf_stack_1142_DW_autopick.star", listed)
    found = picks.of(listed[0].name)
    assert found is not None
    assert (picks.total, picks.remarks, found.shape) == (45, (), (45, 2))
    np.testing.assert_allclose(found[0], (19.979167, 839.125024))


def test_names_are_matched_by_file_name_and_stem(tmp_path: Path) -> None:
    yx = np.array([[1.0, 2.0]])
    table = {"Import/job001/a.mrc": yx, "Polish/job009/b.tif": yx + 1, "x/none.mrc": yx}
    source = write_old_particles(tmp_path, table)
    picks = read_picks(source, micrographs())
    np.testing.assert_array_equal(picks.of(NAMES[0]), yx)
    np.testing.assert_array_equal(picks.of(NAMES[1]), yx + 1)
    assert picks.of(NAMES[2]) is None
    assert picks.unmatched(NAMES) == ("x/none.mrc",)
    assert set(picks.unmatched([NAMES[1]])) == {"Import/job001/a.mrc", "x/none.mrc"}
    assert picks.total == 2
    assert any(f"1 of 3 micrographs, the first of which is {NAMES[2]}" in r for r in picks.remarks)


def test_full_names_go_before_file_names(tmp_path: Path) -> None:
    yx = np.array([[1.0, 2.0]])
    names = ["set1/a.mrc", "set2/a.mrc", "set3/deep/a.mrc"]
    source = write_old_particles(tmp_path, {n: yx + i for i, n in enumerate(names)})
    picks = read_picks(source, micrographs([*reversed(names), "b.mrc"]))
    for number, name in enumerate(names):
        np.testing.assert_array_equal(picks.of(name), yx + number)
    # The name in full goes before the same file name in another folder.
    picks = read_picks(source, micrographs(["set2/a.mrc"]))
    np.testing.assert_array_equal(picks.of("set2/a.mrc"), yx + 1)
    assert set(picks.unmatched(["set2/a.mrc"])) == {"set1/a.mrc", "set3/deep/a.mrc"}
    # Absolute names agree best with those that share most folders.
    absolute = [f"/data/{name}" for name in names]
    picks = read_picks(source, micrographs(absolute))
    for number, name in enumerate(absolute):
        np.testing.assert_array_equal(picks.of(name), yx + number)


def test_unclear_names_are_not_guessed(tmp_path: Path) -> None:
    yx = np.array([[1.0, 2.0]])
    source = write_old_particles(tmp_path, {"p/a.mrc": yx, "q/a.mrc": yx, "q/b.mrc": yx})
    picks = read_picks(source, micrographs(["r/a.mrc", "r/b.mrc"]))
    assert picks.of("r/a.mrc") is None
    assert "may both be r/a.mrc" in picks.remarks[0]
    assert set(picks.unmatched(["r/a.mrc", "r/b.mrc"])) == {"p/a.mrc", "q/a.mrc"}
    source = write_old_particles(tmp_path, {"a.mrc": yx, "b.mrc": yx})
    picks = read_picks(source, micrographs(["p/a.mrc", "q/a.mrc", "q/b.mrc"]))
    assert picks.of("p/a.mrc") is picks.of("q/a.mrc") is None
    assert picks.unmatched(["p/a.mrc", "q/a.mrc", "q/b.mrc"]) == ("a.mrc",)


def test_the_longest_stem_has_the_file(tmp_path: Path) -> None:
    put(tmp_path / "a_1.star", coordinate_star(np.array([[1.0, 1.0]])))
    put(tmp_path / "a_1_2_autopick.star", coordinate_star(np.array([[2.0, 2.0]])))
    put(tmp_path / "a.star", coordinate_star(np.array([[3.0, 3.0]])))
    names = ["m/a.mrc", "m/a_1.mrc", "m/a_1_2.mrc"]
    picks = read_picks(tmp_path, micrographs(names))
    values = [found[0, 0] for name in names if (found := picks.of(name)) is not None]
    assert values == [3.0, 1.0, 2.0]


def test_numbers_tell_micrographs_apart(tmp_path: Path) -> None:
    yx = np.array([[1.0, 2.0]])
    put(tmp_path / "a_1_3.box", "1 2 30 30\n")
    for name in ("a_1_2_topaz.star", "b.star"):
        put(tmp_path / name, coordinate_star(yx))
    picks = read_picks(tmp_path, micrographs(["a_1.mrc", "b.mrc"]))
    assert picks.of("a_1.mrc") is None
    assert len(picks.unmatched(["a_1.mrc", "b.mrc"])) == 2
    source = write_suffix(tmp_path / "project", {"m/a_1_2.mrc": yx, "m/b.mrc": yx, "m/a_x.mrc": yx})
    picks = read_picks(source, micrographs(["m/a_1.mrc", "m/b.mrc", "m/a.mrc"]))
    assert picks.unmatched(["m/a_1.mrc", "m/b.mrc", "m/a.mrc"]) == ("m/a_1_2.mrc", "m/a_x.mrc")


def test_missing_files_of_picks(tmp_path: Path) -> None:
    table = {name: np.array([[1.0, 2.0]]) for name in NAMES}
    source = write_list(tmp_path, table)
    (tmp_path / "AutoPick/job004/picks/1.star").unlink()
    picks = read_picks(source, micrographs())
    assert picks.of(NAMES[1]) is None
    assert picks.outside(NAMES[1], (10, 10)) == 0
    assert picks.total == 2
    assert "1 of 3 files of picks that" in picks.remarks[0]
    assert "1.star for Micrographs/b.mrc" in picks.remarks[0]
    source = write_suffix(tmp_path, table)
    (source.parent / "Micrographs/a_autopick.star").unlink()
    picks = read_picks(source, micrographs())
    assert picks.of(NAMES[0]) is None
    assert picks.remarks


def test_one_file_for_one_micrograph_needs_no_name(tmp_path: Path) -> None:
    source = put(tmp_path / "mine.box", "0 0 10 10\n 20.5 30 11 11 0.5\n\n# done\n")
    picks = read_picks(source, micrographs(["x.mrc"]))
    np.testing.assert_array_equal(picks.of("x.mrc"), [[5, 5], [35.5, 26]])
    assert "is taken for the picks of x.mrc" in picks.remarks[0]
    with pytest.raises(IceblockError, match="none of the 2 micrographs"):
        read_picks(source, micrographs(["x.mrc", "y.mrc"]))


def test_no_picks_is_not_the_same_as_not_listed(tmp_path: Path) -> None:
    table = {NAMES[0]: np.empty((0, 2)), NAMES[1]: np.array([[1.0, 2.0]])}
    picks = read_picks(write_suffix(tmp_path, table), micrographs())
    empty = picks.of(NAMES[0])
    assert empty is not None
    assert empty.shape == (0, 2)
    assert picks.of(NAMES[2]) is None


PLAIN = f"data_\n\nloop_\n{XY}"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.star", PLAIN + "1 2\n3 nan\n", r"a\.star: row 2 of data_ has rlnCoordinateY nan"),
        ("a.star", PLAIN + "1 2\ninf 3\n", r"a\.star: row 2 of data_ has rlnCoordinateX inf"),
        ("a.star", PLAIN + "1 2\nx 3\n", r"a\.star: row 2 of data_ has rlnCoordinateX x"),
        ("a.star", "data_\nloop_\n_rlnCoordinateX\n1\n", "has no column _rlnCoordinateY"),
        ("a.star", "data_\nloop_\n_rlnMicrographName\na.mrc\n", "holds no picks"),
        ("a.box", "1 2 3 4\n1 2 x 4\n", r"a\.box: line 2 is not"),
        ("a.box", "1 2 nan 4\n", r"a\.box: line 1 is not"),
        ("a.box", "1 2 30\n", r"a\.box: line 1 is not"),
        ("a.box", "1 2 30 30 -1\n9 9 30 30 -2\n", "two ends of each helix"),
        ("a.star", f"{PLAIN}_rlnHelicalTubeID\n1 2 1\n5 6 1\n", "two ends of each helix"),
        ("a.txt", "1 2\n", r"not known.*\.box or \.json file, a crYOLO \.cbox file"),
        ("a.cbox", PLAIN + "1 2\n", "no boxes of crYOLO"),
        ("a.cbox", "data_cryolo\nloop_\n_CoordinateX\n_CoordinateY\n1 2\n", "no boxes of crYOLO"),
        ("a.cbox", "{}", "a.cbox"),
        ("a.json", "{", "no JSON"),
        ("a.json", "[" * 100_000, "no JSON"),
        ("a.json", "[1]", "holds no boxes"),
        ("a.json", '{"boxes": [[1, NaN]]}', "boxes are not x, y"),
        ("a.json", '{"boxes": [[1]]}', "boxes are not x, y"),
        ("a.json", '{"boxes": [[1, "a"]]}', "boxes are not x, y"),
        ("a.json", '{"boxes": ["ab"]}', "boxes are not x, y"),
        ("a.star", f"{PLAIN}_rlnMicrographName\n1 2 a.mrc\n1 2 None\n", "without rlnMicrographN"),
    ],
)
def test_wrong_files(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(IceblockError, match=message):
        read_picks(put(tmp_path / name, text), micrographs())


def test_boxes_that_cryolo_is_not_sure_of_are_told(tmp_path: Path) -> None:
    source = write_cboxes(tmp_path, {name: np.array([[90.0, 80.0]]) for name in NAMES})
    with collected(None) as sentences:
        assert read_picks(source, micrographs()).total == 3
    assert len(sentences) == 1
    assert "confidence below 0.3" in sentences[0]


def test_helices_that_are_segments(tmp_path: Path) -> None:
    text = f"{PLAIN}_rlnHelicalTubeID\n_rlnHelicalTrackLengthAngst\n1 2 1 0\n5 6 1 50\n"
    assert read_picks(put(tmp_path / "a.star", text), micrographs()).total == 2
    source = write_list(tmp_path, {NAMES[0]: np.array([[1.0, 2.0]])})
    option = "data_joboptions_values\nloop_\n_rlnJobOptionVariable\n_rlnJobOptionValue\n"
    put(source.parent / "job.star", f"{option}do_startend No\n")
    assert read_picks(source, micrographs()).total == 1
    put(source.parent / "job.star", f"{option}do_startend Yes\n")
    with pytest.raises(IceblockError, match="two ends of each helix"):
        read_picks(source, micrographs())


def test_two_sets_of_picks_are_not_mixed(tmp_path: Path) -> None:
    yx = np.array([[1.0, 2.0]])
    put(tmp_path / "a_autopick.star", coordinate_star(yx))
    put(tmp_path / "a_manualpick.star", coordinate_star(yx))
    with pytest.raises(IceblockError, match=r"a_autopick.* and .*a_manualpick.* both"):
        read_picks(tmp_path, micrographs())
    put(tmp_path / "coords_suffix_autopick.star", "x\n")
    assert read_picks(tmp_path, micrographs()).total == 1
    put(tmp_path / "coords_suffix_manualpick.star", "x\n")
    with pytest.raises(IceblockError, match="several sets of picks"):
        read_picks(tmp_path, micrographs())


def test_nothing_to_read(tmp_path: Path) -> None:
    for name in ("none.star", "none.box", "coords_suffix_x.star"):
        with pytest.raises(IceblockError, match="does not exist"):
            read_picks(tmp_path / name, micrographs())
    with pytest.raises(IceblockError, match="holds no picks"):
        read_picks(tmp_path, micrographs())
    put(tmp_path / "notes.star", "data_\nloop_\n_rlnMicrographName\na.mrc\n")
    with pytest.raises(IceblockError, match="holds no picks"):
        read_picks(tmp_path, micrographs())
    source = write_list(tmp_path, {"other.mrc": np.array([[1.0, 2.0]])})
    with pytest.raises(IceblockError, match="none of the 3 micrographs"):
        read_picks(source, micrographs())
