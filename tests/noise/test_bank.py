"""A bank gives back what was put in, whatever happened while it was written."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import mrcfile
import numpy as np
import pytest
import starfile
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.mrc.writer import StackWriter
from core.noise import bank_table
from core.noise.bank import NoiseBank, OpticsGroup
from core.noise.bank_join import join
from core.noise.bank_table import BankPart, write_bank
from core.noise.bank_writer import WORK, BankWriter
from core.noise.shading import remove_plane

from ..bank_parts import make_bank, part

BOX = 16
OPTICS = [OpticsGroup(4.0, 200.0, 1.4, 0.07)]


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_round_trip(tmp_path: Path) -> None:
    parts = [part("Micrographs/a b.mrc", 3, seed=1), part("none", 0), part("c", 2, seed=2)]
    writer = BankWriter(tmp_path / "bank", BOX, OPTICS)
    for number, one in enumerate(parts):
        assert not writer.has(number)
        writer.add(number, one)
        assert writer.has(number)
    assert not writer.whole
    assert writer.facts(0) == {"seed": 1}
    assert writer.count(0) == 3
    bank = writer.assemble(range(3))
    assert writer.whole
    writer.clean()
    assert not (tmp_path / "bank" / WORK).exists()
    assert (bank.n, bank.box, bank.pixel_size, bank.optics) == (5, BOX, 4.0, tuple(OPTICS))
    blocks = np.concatenate([p.blocks for p in parts])
    np.testing.assert_array_equal(bank.blocks(), blocks)
    np.testing.assert_array_equal(bank.blocks([4, 0, 4]), blocks[[4, 0, 4]])
    table = bank.table
    assert table["micrograph"].tolist() == ["Micrographs/a b.mrc"] * 3 + ["c"] * 2
    assert set(table["source"]) == {"real"}
    places = np.concatenate([p.positions for p in parts])
    np.testing.assert_allclose(table[["y", "x"]], places, atol=0.006)
    for name in ("mean", "sd"):
        wanted = np.concatenate([getattr(p, name) for p in parts])
        np.testing.assert_allclose(table[name], wanted, rtol=1e-6)


def test_the_stack_is_valid_and_its_header_right(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, (4, 3))
    assert mrcfile.validate(tmp_path / "blocks.mrcs")
    with mrcfile.open(tmp_path / "blocks.mrcs") as file:
        assert file.is_image_stack()
        assert file.voxel_size.x == pytest.approx(4)
        values = bank.blocks().astype(np.float64)
        header = file.header
        for name, wanted in (("dmin", values.min()), ("dmax", values.max()),
                             ("dmean", values.mean()), ("rms", values.std())):  # fmt: skip
            assert float(header[name]) == pytest.approx(float(wanted), rel=1e-5, abs=1e-6)


def test_another_reader_sees_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bank = make_bank(tmp_path / "Noise")
    tables = starfile.read(tmp_path / "Noise/blocks.star")
    assert tables["optics"]["rlnImagePixelSize"].tolist() == [4.0]
    assert tables["optics"]["rlnImageSize"].tolist() == [BOX]
    rows = tables["particles"]
    assert rows["rlnImageName"].tolist()[:2] == [
        "000001@Noise/blocks.mrcs",
        "000002@Noise/blocks.mrcs",
    ]
    np.testing.assert_allclose(rows["rlnCoordinateX"], bank.table["x"])
    assert set(rows["rlnIceblockSource"]) == {"real"}


def test_pieces_and_samples_cover_the_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = make_bank(tmp_path, (5, 6))
    monkeypatch.setattr("core.noise.bank._PIECE_BYTES", 4 * 4 * BOX**2)
    pieces = list(bank.pieces())
    assert [len(rows) for rows, _ in pieces] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([b for _, b in pieces]), bank.blocks())
    assert bank.sample(3).tolist() == [0, 5, 10]
    assert bank.sample(99).tolist() == list(range(11))


def test_a_moved_bank_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = make_bank(tmp_path / "one").blocks()
    (tmp_path / "one").rename(tmp_path / "two")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(NoiseBank.read(tmp_path / "two").blocks(), blocks)


def test_a_selection_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RELION's Select job writes some of the rows into another folder."""
    monkeypatch.chdir(tmp_path)
    whole = make_bank(tmp_path / "Noise", (4, 4))
    text = (tmp_path / "Noise/blocks.star").read_text().splitlines()
    rows = [line for line in text if "@" in line]
    kept = [line for line in text if "@" not in line or line in (rows[1], rows[6])]
    (tmp_path / "Select").mkdir()
    (tmp_path / "Select/particles.star").write_text("\n".join(kept) + "\n")
    chosen = NoiseBank.read(Path("Select/particles.star"))
    np.testing.assert_array_equal(chosen.blocks(), whole.blocks([1, 6]))


@settings(deadline=None, max_examples=8)
@given(counts=st.lists(st.integers(0, 3), min_size=1, max_size=6), data=st.data())
def test_a_run_stopped_anywhere_goes_on(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], data: st.DataObject
) -> None:
    """Parts in any order, a new writer between any two, give the bytes of an unbroken run."""
    if not sum(counts):
        counts[0] = 1
    folder = tmp_path_factory.mktemp("bank")
    order = data.draw(st.permutations(range(len(counts))))
    for out, numbers in (("whole", range(len(counts))), ("broken", order)):
        for number in numbers:
            writer = BankWriter(folder / out / "Noise", BOX, OPTICS)
            writer.add(number, part(f"mic{number}", counts[number], seed=number))
        BankWriter(folder / out / "Noise", BOX, OPTICS).assemble(range(len(counts)))
    whole, broken = (folder / out / "Noise" for out in ("whole", "broken"))
    assert (whole / "blocks.mrcs").read_bytes() == (broken / "blocks.mrcs").read_bytes()
    text = (broken / "blocks.star").read_text().replace("/broken/", "/whole/")
    assert text == (whole / "blocks.star").read_text()


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def half_a_part(file: BinaryIO, **_: object) -> None:
    file.write(b"PK half of it")
    file.flush()
    die()


def second_append(append: Callable[..., None]) -> Callable[..., None]:
    def dying(self: StackWriter, blocks: object) -> None:
        if self.written:
            die()
        append(self, blocks)

    return dying


MOMENTS: dict[str, Callable[[], None]] = {
    "while a part is written": lambda: setattr(np, "savez", half_a_part),
    "while the stack is written": lambda: setattr(
        StackWriter, "append", second_append(StackWriter.append)
    ),
    "before the table": lambda: setattr(bank_table, "loop", die),
    "before the work folder goes": lambda: setattr(BankWriter, "clean", die),
}


def write(folder: Path) -> None:
    os.chdir(folder)
    writer = BankWriter(Path("Noise"), BOX, OPTICS)
    for number in range(4):
        if not writer.has(number):
            writer.add(number, part(f"mic{number}", 2, seed=number))
    writer.assemble(range(4))
    writer.clean()


def killed(folder: Path, moment: str) -> int:
    """Write in a process of its own that dies at a moment; return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            MOMENTS[moment]()
            write(folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """kill -9, then the same again: the same bytes, and nothing left over."""
    monkeypatch.chdir(tmp_path)  # and back at the end
    for folder in ("broken", "whole"):
        (tmp_path / folder).mkdir()
    assert killed(tmp_path / "broken", moment) == -signal.SIGKILL
    bank = tmp_path / "broken/Noise"
    assert (bank / "blocks.star").exists() == (moment == "before the work folder goes")
    for folder in ("broken", "whole"):
        write(tmp_path / folder)
    assert files(tmp_path / "broken") == files(tmp_path / "whole")
    assert sorted(p.name for p in bank.iterdir()) == ["blocks.mrcs", "blocks.star"]


def test_more_parts_come_last(tmp_path: Path) -> None:
    writer = BankWriter(tmp_path, BOX, OPTICS)
    writer.add(0, part("real", 2))
    bank = writer.assemble([0], iter([part("more", 3, seed=1), part("most", 1, seed=2)]), 4)
    assert bank.table["micrograph"].tolist() == ["real"] * 2 + ["more"] * 3 + ["most"]
    np.testing.assert_array_equal(bank.blocks([2, 3, 4]), part("more", 3, seed=1).blocks)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    writer = BankWriter(tmp_path, BOX, OPTICS)
    writer.add(0, part())
    path = tmp_path / WORK / "000001.npz"
    for damage in (b"", b"garbage", path.read_bytes()[:300]):
        path.write_bytes(damage)
        with pytest.raises(IceblockError, match=r"000001\.npz is damaged"):
            writer.assemble([0])


def test_no_blocks_no_bank(tmp_path: Path) -> None:
    writer = BankWriter(tmp_path / "bank", BOX, OPTICS)
    writer.add(0, part(k=0))
    with pytest.raises(IceblockError, match="without blocks"):
        writer.assemble([0])
    assert not (tmp_path / "bank/blocks.mrcs").exists()


def test_joined_banks(tmp_path: Path) -> None:
    one, two = make_bank(tmp_path / "one"), make_bank(tmp_path / "two", (1, 4), pixel_size=4.02)
    joined = join([one, two], tmp_path / "both")
    assert (joined.n, joined.box, joined.pixel_size) == (10, BOX, 4.0)
    np.testing.assert_array_equal(joined.blocks(), np.concatenate([one.blocks(), two.blocks()]))
    assert joined.table["group"].tolist() == [0] * 5 + [1] * 5
    assert [group.pixel_size for group in joined.optics] == [4.0, 4.02]
    again = join([joined, make_bank(tmp_path / "three")], tmp_path / "all")
    assert again.table["group"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    for name in ("micrograph", "y", "x", "mean", "sd", "source"):
        assert again.table[name].tolist()[:5] == one.table[name].tolist()


def test_larger_boxes_are_cropped_only_on_demand(tmp_path: Path) -> None:
    small, large = make_bank(tmp_path / "s", box=16), make_bank(tmp_path / "l", box=24)
    with pytest.raises(IceblockError, match=r"16 pixels and .*of 24; give --crop"):
        join([small, large], tmp_path / "both")
    joined = join([small, large], tmp_path / "both", crop=True)
    for cropped, block in zip(joined.blocks()[5:], large.blocks(), strict=True):
        np.testing.assert_array_equal(cropped, remove_plane(block[4:20, 4:20]))
    ratio = joined.blocks()[5:].std(axis=(1, 2)) / large.blocks().std(axis=(1, 2))
    np.testing.assert_allclose(joined.table["sd"][5:], large.table["sd"] * ratio, rtol=1e-4)


def test_banks_that_cannot_be_joined(tmp_path: Path) -> None:
    one, other = make_bank(tmp_path / "one"), make_bank(tmp_path / "other", pixel_size=4.2)
    with pytest.raises(IceblockError, match=r"4 Å per pixel and .*4\.2 Å"):
        join([one, other], tmp_path / "both")
    with pytest.raises(IceblockError, match="given twice"):
        join([one, NoiseBank.read(tmp_path / "one")], tmp_path / "both")
    with pytest.raises(IceblockError, match="already holds a noise bank"):
        join([one], tmp_path / "one")
    assert not (tmp_path / "both").exists()


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_no_bank(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(IceblockError, match="holds no noise bank"):
        NoiseBank.read(tmp_path / "empty")
    with pytest.raises(IceblockError, match="does not exist"):
        NoiseBank.read(tmp_path / "none")
    for number, (old, new, told) in enumerate(
        [
            ("_rlnIceblockSource", "_rlnSomething", "is no noise bank"),
            ("000005@", "000006@", "row 5 names 000006@.*only 5 blocks"),
            (" real", " unreal x", "columns"),
        ]
    ):
        folder = tmp_path / str(number)
        make_bank(folder)
        spoil(folder / "blocks.star", old, new)
        with pytest.raises(IceblockError, match=told):
            NoiseBank.read(folder)
    make_bank(tmp_path / "lost")
    (tmp_path / "lost/blocks.mrcs").unlink()
    with pytest.raises(IceblockError, match=r"blocks\.mrcs"):
        NoiseBank.read(tmp_path / "lost")


def test_mixed_sizes_are_refused(tmp_path: Path) -> None:
    parts = [part("a", 2), BankPart(**{**vars(part("b", 2)), "groups": [1, 1]})]
    optics = [OpticsGroup(4.0), OpticsGroup(5.0)]
    with pytest.raises(IceblockError, match="mixes pixel sizes from 4 to 5"):
        write_bank(tmp_path, parts, 4, BOX, optics)
