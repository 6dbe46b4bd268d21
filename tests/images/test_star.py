"""STAR files come back token by token, whatever program wrote them, and broken ones are named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.denoised_mark import NOTE
from core.images.particles import read_particles
from core.images.star.document import StarFile
from core.images.star.tokens import is_missing, quote, unquote

from .stacks import old_star_text, star_text
from .star_tokens import IMAGE, OLDER, ORIGINAL, RAW, particles_of, read_tables

TOKENS = [
    "1.5e-08", "001", "0012", "-0.0", "nan", "1e-9", "+3.50", "None", ".", "?", "<NA>",
    "[0.34,0.21]", "a'b", "'a b'", '"a b"', '""', "''", "ü.mrc", "x^c3", "a#b", "3;4", "a@b",
]  # fmt: skip
NUMBERS = ["000001", "1", "17", "000020"]
STACKS = ["Extract/job003/a.mrcs", "/abs/b.mrcs", "c^5e.mrcs", "Übung/d.mrcs"]


@st.composite
def star_files(draw: st.DrawFn) -> bytes:
    """A STAR file in one of the many ways to write one."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    gap = draw(st.sampled_from([" ", "\t", "   ", " \t "]))
    numbered = draw(st.booleans())
    n_rows = draw(st.integers(1, 6))
    columns = draw(st.integers(1, 5))
    place = draw(st.integers(0, columns - 1))
    tags = [f"_rlnColumn{number}" for number in range(columns)]
    tags[place] = IMAGE
    lines = [f"data_{draw(st.sampled_from(['', 'particles', 'images', 'model_class_1']))}"]
    lines += [""] * draw(st.integers(0, 2)) + [draw(st.sampled_from(["loop_", "loop_ "]))]
    for number, tag in enumerate(tags, 1):
        remark = draw(st.sampled_from(["", " [of what, ü]"])) if numbered else ""
        lines.append(f"{tag} #{number}{remark} " if numbered else tag)
    for _ in range(n_rows):
        row = [draw(st.sampled_from(TOKENS)) for _ in tags]
        row[place] = f"{draw(st.sampled_from(NUMBERS))}@{draw(st.sampled_from(STACKS))}"
        lines.append(draw(st.sampled_from(["", " ", "\t"])) + gap.join(row) + " ")
    blocks = [lines, ["data_optics", "", "loop_", "_rlnOpticsGroup #1", "_rlnX #2", "1\t007"]]
    blocks.append(["data_general", "", "_rlnTomoSubTomosAre2DStacks    0", f"_rlnY {'z' * 300}"])
    blocks.append(["data_empty", "", "loop_", "_rlnA", "_rlnB"])
    version = draw(st.sampled_from([[], ["# version 30001"], ["# version 50001", ""]]))
    ordered = draw(st.permutations(blocks))
    text = end.join(line for block in ordered for line in [*version, *block, ""])
    return (text + draw(st.sampled_from(["", end, " "]))).encode()


@settings(deadline=None, max_examples=150)
@given(data=star_files())
def test_any_spelling_survives(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    source, made, back = folder / "source.star", folder / "made.star", folder / "back.star"
    source.write_bytes(data)
    raw = read_particles(source)
    names = [f"{row + 1:06d}@External/job 7/ö.mrcs" for row in range(raw.n)]
    raw.with_images(names).write(made)
    before, after = read_tables(source), read_tables(made)
    assert [unquote(name) for name in particles_of(after).column(IMAGE)] == names
    assert particles_of(after).column(ORIGINAL) == particles_of(before).column(IMAGE)
    assert particles_of(after).tags[-2:] == [ORIGINAL, RAW]
    for old, new in zip(before, after, strict=True):
        assert new.without(IMAGE, ORIGINAL, RAW).same_as(old.without(IMAGE))
        if old.remarks and old.remarks[0]:
            assert new.remarks[: len(old.remarks)] == old.remarks
    assert made.read_text().count("# version") == data.count(b"# version")
    read_particles(made).restored().write(back)
    assert back.read_bytes() == data
    # The set that was read is still what it was.
    raw.write(back)
    assert back.read_bytes() == data
    assert source.read_bytes() == data


def test_real_files_survive(test_data: Path, tmp_path: Path) -> None:
    paths = [*test_data.glob("particles/*/*.star"), *test_data.glob("projects/**/*.star")]
    assert len(paths) > 20
    pointed = 0
    for path in paths:
        if path.name.startswith("coords_suffix"):
            continue
        made = tmp_path / "made.star"
        StarFile.read(path).write(made)
        before, after = read_tables(path), read_tables(made)
        assert all(new.same_as(old) for old, new in zip(before, after, strict=True)), path
        if any(IMAGE in table.tags for table in before):
            check_pointing_and_restoring(path, tmp_path)
            pointed += 1
    assert pointed == 11


def check_pointing_and_restoring(path: Path, folder: Path) -> None:
    made, back = folder / "pointed.star", folder / "back.star"
    raw = read_particles(path)
    names = [f"{row + 1:06d}@External/job012/Particles/x.mrcs" for row in range(raw.n)]
    raw.with_images(names).write(made)
    before, after = read_tables(path), read_tables(made)
    links = (IMAGE, ORIGINAL, RAW, OLDER)
    for old, new in zip(before, after, strict=True):
        assert new.without(*links).same_as(old.without(*links)), path
    assert particles_of(after).column(IMAGE) == names
    for column in (RAW, ORIGINAL):
        assert particles_of(after).column(column) == particles_of(before).column(IMAGE)
    read_particles(made).restored().write(back)
    assert all(new.same_as(old) for old, new in zip(before, read_tables(back), strict=True))


def test_comments_stay_with_their_blocks(tmp_path: Path) -> None:
    text = (
        "\n# Created by someone\n\n# version 50001\n\ndata_optics\n\nloop_ \n"
        "_rlnOpticsGroup #1 [which]\n_rlnImageSize #2 \n 1 64 \n\n#\n"
        "# version 30001\ndata_\n\nloop_\n_rlnImageName\n_rlnRemark # what\n1@a.mrcs x\n"
        "# a row that somebody took out\n2@a.mrcs y\n"
    )
    (tmp_path / "a.star").write_text(text)
    StarFile.read(tmp_path / "a.star").write(tmp_path / "b.star")
    assert (tmp_path / "b.star").read_text() == text
    names = ["1@b.mrcs", "2@b.mrcs"]
    read_particles(tmp_path / "a.star").with_images(names).write(tmp_path / "b.star")
    assert (tmp_path / "b.star").read_text() == f"{NOTE}\n" + text.replace(
        "# what\n1@a.mrcs x", f"# what\n{ORIGINAL}\n{RAW}\n1@b.mrcs x 1@a.mrcs 1@a.mrcs"
    ).replace("2@a.mrcs y", "2@b.mrcs y 2@a.mrcs 2@a.mrcs")


def test_an_older_original_is_kept_apart_and_comes_back(tmp_path: Path) -> None:
    rows = ["1@a.mrcs 9@first.mrcs", "2@a.mrcs None", "3@a.mrcs ?", "4@a.mrcs .", '5@a.mrcs ""']
    (tmp_path / "a.star").write_text(old_star_text(rows, [IMAGE, ORIGINAL]))
    names = [f"{row}@new.mrcs" for row in range(1, 6)]
    read_particles(tmp_path / "a.star").with_images(names).write(tmp_path / "b.star")
    table = particles_of(read_tables(tmp_path / "b.star"))
    assert table.column(IMAGE) == names
    assert table.column(ORIGINAL) == table.column(RAW) == [f"{row}@a.mrcs" for row in range(1, 6)]
    assert table.column(OLDER) == ["9@first.mrcs", "None", "?", ".", '""']
    read_particles(tmp_path / "b.star").restored().write(tmp_path / "c.star")
    before, after = (particles_of(read_tables(tmp_path / name)) for name in ("a.star", "c.star"))
    assert (after.tags, after.rows) == (before.tags, before.rows)


def test_denoised_again_the_raw_image_stays(tmp_path: Path) -> None:
    tags = [IMAGE, ORIGINAL, RAW]
    rows = ["1@d.mrcs 1@a.mrcs 1@a.mrcs", "2@new.mrcs 2@a.mrcs 2@a.mrcs", "3@d.mrcs 3@a.mrcs None"]
    (tmp_path / "a.star").write_text(old_star_text(rows, tags))
    particles = read_particles(tmp_path / "a.star")
    assert particles.denoised.tolist() == [True, True, False]
    # The second was extracted anew; the third has only what an old version wrote.
    made = particles.with_images(["1@e.mrcs", "2@e.mrcs", "3@e.mrcs"], [True, False, True])
    made.write(tmp_path / "b.star")
    table = particles_of(read_tables(tmp_path / "b.star"))
    assert table.column(RAW) == table.column(ORIGINAL) == ["1@a.mrcs", "2@new.mrcs", "3@a.mrcs"]


def test_columns_are_renumbered_when_one_goes(tmp_path: Path) -> None:
    tags = [f"{IMAGE} #1", f"{ORIGINAL} #2", "_rlnX #3"]
    (tmp_path / "a.star").write_text(old_star_text(["1@b.mrcs 1@a.mrcs 5"], tags))
    read_particles(tmp_path / "a.star").restored().write(tmp_path / "b.star")
    table = particles_of(read_tables(tmp_path / "b.star"))
    assert table.tags == [IMAGE, "_rlnX"]
    assert table.remarks == ["#1", "#2"]
    assert table.rows == [["1@a.mrcs", "5"]]


def test_a_single_particle_written_as_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.star").write_text(f"data_particles\n\n{IMAGE}  1@a.mrcs\n_rlnX 7\n")
    read_particles(tmp_path / "a.star").with_images(["1@b.mrcs"]).write(tmp_path / "b.star")
    table = particles_of(read_tables(tmp_path / "b.star"))
    assert table.tags == [IMAGE, "_rlnX", ORIGINAL, RAW]
    assert table.rows == [["1@b.mrcs", "7", "1@a.mrcs", "1@a.mrcs"]]
    read_particles(tmp_path / "b.star").restored().write(tmp_path / "c.star")
    assert particles_of(read_tables(tmp_path / "c.star")).rows == [["1@a.mrcs", "7"]]


def test_quotes_hide_what_they_hold(tmp_path: Path) -> None:
    values = ["'it''s #1 of \"2'", "a'b", '"x # y"', ";two\nlines # 'both\n;"]
    rows = [f"1@a.mrcs {values[0]} # it's a remark", f"2@a.mrcs {values[1]}"]
    rows += [f"3@a.mrcs {values[2]}", f"4@a.mrcs\n{values[3]}"]
    (tmp_path / "a.star").write_text(old_star_text(rows, [IMAGE, "_rlnX"]))
    table = StarFile.read(tmp_path / "a.star").find(IMAGE)
    assert table is not None
    assert table.column("_rlnX") == values
    assert unquote(values[3]) == "two\nlines # 'both"


@pytest.mark.parametrize("text", ["plain", "a b", "it's", "", "_x", "#x", "data_x", 'a "b', "[a"])
def test_quotes_come_and_go(text: str) -> None:
    assert unquote(quote(text)) == text


def test_missing_values() -> None:
    assert all(is_missing(token) for token in ("None", ".", "?", '""', "''"))
    assert not is_missing("1@a.mrcs")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\n \n# nothing\n", "is empty"),
        (bytes(range(256)) * 20, "is a binary file"),
        (b"Micrographs/micrographs.star\n", "is not a STAR file: line 1"),
        (b"data_\nloop_\n_rlnA #1\n_rlnB #2\n1 2\n3\n5 6\n", "line 6 has 1 values .* 2 columns"),
        (b"data_\nloop_\n_rlnA #1\n_rlnB #2\n1 2\n3 4 'a b'\n", "line 6 has 3 values .* 2 columns"),
        (b"data_\nloop_\n_rlnA\n_rlnB\n1 2\n3", "line 6 has 1 values"),
        (b"data_x\n_rlnA 1\ndata_x\n_rlnA 2\n", "line 3 names data_x, which stands there twice"),
        (b"data_x\nloop_\n_rlnA\n_rlnA\n1 2\n", "line 4 names _rlnA, which stands there twice"),
        ("data_\n_rlnA é\n".encode("latin-1"), "not UTF-8"),
        (b"data_\nloop_\n_rlnA\n1\n\x01\n", "line 5 cannot be read"),
        (b"data_\n_rlnA 'x\n", "line 2 cannot be read .*a quote that is not closed"),
        (b"data_\nsave_x\n_rlnA 1\nsave_\n", "line 2 cannot be read .*a save frame"),
        (b"data_\n1 2\n", "line 2 cannot be read .*a value without a column"),
        (b"data_\n_rlnA\n_rlnB 1\n", "line 2 cannot be read .*_rlnA with 0 values"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "broken.star"
    path.write_bytes(data)
    with pytest.raises(IceblockError, match=rf"broken\.star.*{says}"):
        StarFile.read(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(IceblockError, match=r"none\.star does not exist"):
        StarFile.read(tmp_path / "none.star")
    with pytest.raises(IceblockError, match="is a folder"):
        StarFile.read(tmp_path)


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.star").write_text(star_text(["1@a.mrcs"]))
    (tmp_path / "b.star").write_text("precious")
    star = StarFile.read(tmp_path / "a.star")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(IceblockError, match=r"b\.star: the disk is full"):
        star.write(tmp_path / "b.star")
    assert (tmp_path / "b.star").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_rows_that_a_full_disk_swallowed_are_missed(tmp_path: Path, tiny_disk: Path) -> None:
    (tmp_path / "a.star").write_text(star_text([f"{row}@a.mrcs" for row in range(1, 9000)]))
    star = StarFile.read(tmp_path / "a.star")
    with pytest.raises(IceblockError, match=r"full\.star: the disk is full"):
        star.write(tiny_disk / "full.star")
    assert list(tiny_disk.iterdir()) == []
