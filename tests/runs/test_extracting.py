"""A run makes a whole bank, goes on where it was stopped, and says what is wrong with the input."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import pytest
from PIL import Image

from core.errors import IceblockError
from core.noise.bank import NoiseBank
from core.noise.bank_writer import BankWriter
from core.remarks import collected
from core.runs.noise import run as extracting
from core.runs.noise.fallback import LEAST_BLOCKS, smaller_box
from core.runs.noise.options import NoiseOptions
from core.runs.noise.run import run

from ..noise_project import (
    BOX,
    CARBON,
    DIAMETER,
    PIXEL,
    SIDE,
    PickSegmenter,
    options,
    write_project,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.segment.segmenter import Segmentation

OUTPUTS = ["Overlays", "blocks.mrcs", "blocks.star", "counts.star", "report.pdf", "run.json"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, entered."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    return Path()


@pytest.fixture(autouse=True)
def report(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report, which takes seconds, is only made in the tests that look at it."""
    if "real_report" not in request.fixturenames:
        monkeypatch.setattr(extracting, "report", lambda o, *_: (o.out / o.report).write_text("%"))


@pytest.fixture
def real_report() -> None:
    """Ask for the report."""


def cut(folder: Path, **changes: Any) -> tuple[NoiseBank, list[str]]:
    """Run in a folder; returns the bank and the warnings."""
    segmenter = changes.pop("segmenter", None) or PickSegmenter()
    asked = options(folder, **changes)
    with collected(None) as warnings:
        run(asked, segmenter=segmenter)
    return NoiseBank.read(asked.out), warnings


def edit(name: str, change: Callable[[np.ndarray], object]) -> None:
    with mrcfile.open(name, "r+") as file:
        change(file.data)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_a_bank_from_micrographs(project: Path) -> None:
    bank, warnings = cut(project)
    assert sorted(p.name for p in Path("Noise").iterdir()) == OUTPUTS
    assert (bank.box, bank.pixel_size) == (BOX, PIXEL)
    assert (bank.optics[0].voltage, bank.optics[0].spherical_aberration) == (200, 1.4)
    assert bank.n > 40
    assert warnings == [w for w in warnings if w.startswith("The noise is little")]
    counts = bank.table["micrograph"].value_counts()
    assert list(counts.index.sort_values()) == [f"Micrographs/mic0{k}.mrc" for k in range(1, 5)]
    # Each block is where it says, clear of every pick, and scaled by one number a micrograph.
    for name, rows in bank.table.groupby("micrograph"):
        image = mrcfile.read(str(name)).astype(np.float64)
        picks = np.loadtxt(f"Picks/{Path(str(name)).stem}.star", skiprows=6)[:, ::-1]
        scales = []
        for row in rows.itertuples():
            top, left = int(row.y) - BOX // 2, int(row.x) - BOX // 2
            window = image[top : top + BOX, left : left + BOX]
            block = bank.blocks([row.Index])[0]
            assert np.corrcoef(window.ravel(), block.ravel())[0, 1] > 0.97
            assert row.mean == pytest.approx(window.mean(), rel=1e-4)
            scales.append(row.sd / block.std())
            nearest = np.clip(picks, (top, left), (top + BOX - 1, left + BOX - 1))
            assert (np.hypot(*(nearest - picks).T) > DIAMETER / 2 / PIXEL).all()
        np.testing.assert_allclose(scales, scales[0], rtol=1e-4)


@pytest.mark.usefixtures("real_report")
@pytest.mark.drawn
def test_what_is_written_beside_the_bank(project: Path) -> None:
    bank, _ = cut(project, synthetic=30)
    for k in range(1, 5):
        with Image.open(f"Noise/Overlays/mic0{k}.png") as picture:
            assert picture.size == (SIDE, SIDE)
            colours = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
        blue = (colours[:, 2] > 180) & (colours[:, 0] < 140)
        assert blue.mean() > 0.02
    assert Path("Noise/report.pdf").read_bytes().startswith(b"%PDF")
    rows = [line.split() for line in Path("Noise/counts.star").read_text().splitlines()]
    found = {row[0]: int(row[1]) for row in rows if row and row[0].startswith("Micrographs/")}
    real = bank.table[bank.table["source"] == "real"]
    assert found == real["micrograph"].value_counts().to_dict()
    record = json.loads(Path("Noise/run.json").read_text())
    assert record["state"] == "finished"
    assert (record["blocks"], record["synthetic"]) == (len(real), 30)
    assert (record["micrographs"], record["with_blocks"], record["unreadable"]) == (4, 4, 0)
    assert bank.table["source"].value_counts().to_dict() == {"real": len(real), "phases": 30}
    assert bank.table["source"].tolist()[-30:] == ["phases"] * 30


def test_the_input_is_untouched(project: Path) -> None:
    before = contents(Path("Micrographs")), contents(Path("Picks"))
    cut(project)
    assert (contents(Path("Micrographs")), contents(Path("Picks"))) == before


def test_the_same_command_again_cuts_nothing(project: Path) -> None:
    cut(project)
    before = contents(Path("Noise"))
    segmenter = PickSegmenter()
    cut(project, segmenter=segmenter)
    assert not segmenter.seen
    assert contents(Path("Noise")) == before


def test_threads_do_not_change_a_block(project: Path) -> None:
    for out, threads in (("one", 1), ("other", 8)):
        cut(project, out=Path(out) / "Noise", threads=threads, synthetic=9)
    one, other = (contents(Path(out)) for out in ("one", "other"))
    for name, data in one.items():
        if name != "Noise/run.json":
            assert data.replace(b"one/", b"") == other[name].replace(b"other/", b""), name


@pytest.mark.usefixtures("real_report")
@pytest.mark.drawn
def test_the_report_of_the_same_bank_is_the_same(project: Path) -> None:
    """Also where it was lost and is made again, from what the parts remember."""
    cut(project)
    before = contents(Path("Noise"))
    Path("Noise").rename("Before")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extracting, "report", stop_here)
        with pytest.raises(Stopped):
            cut(project)
    cut(project, threads=8)
    assert contents(Path("Noise"))["report.pdf"] == before["report.pdf"]


def stop_here(*_: object) -> None:
    raise Stopped


class Stopped(Exception):
    pass


def test_a_stopped_run_goes_on(project: Path) -> None:
    beats = 0

    def stop() -> None:
        nonlocal beats
        beats += 1
        if beats == 2:
            raise Stopped

    first, second = PickSegmenter(), PickSegmenter()
    with pytest.raises(Stopped):
        run(options(project), heartbeat=stop, segmenter=first)
    assert not Path("Noise/blocks.star").exists()
    assert 0 < len(list(Path("Noise/Working").iterdir())) < 4
    cut(project, segmenter=second)
    assert 0 < len(second.seen) < 4
    assert not set(first.seen) & set(second.seen) or len(first.seen) < 4
    check_like_whole(project)


def check_like_whole(project: Path) -> None:
    """The bank in Noise has the bytes of an undisturbed run's, and nothing else lies about."""
    Path("Noise").rename("broken")
    cut(project)
    broken, whole = contents(Path("broken")), contents(Path("Noise"))
    assert broken.keys() == whole.keys()
    for name in whole:
        if name != "run.json":
            assert broken[name] == whole[name], name


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


MOMENTS: dict[str, tuple[object, str]] = {
    "after a micrograph was segmented": (extracting.MicrographCutter, "_cut"),
    "before the bank is put together": (BankWriter, "assemble"),
    "before the report": (extracting, "report"),
    "before the work folder goes": (BankWriter, "clean"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on(project: Path, moment: str) -> None:
    where, name = MOMENTS[moment]
    child = os.fork()
    if child == 0:
        try:
            real, calls = getattr(where, name), []

            def dying(*arguments: Any) -> Any:
                calls.append(arguments)
                if name != "_cut" or len(calls) == 3:
                    die()
                return real(*arguments)

            setattr(where, name, dying)
            run(options(project), segmenter=PickSegmenter())
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    cut(project)
    assert not Path("Noise/Working").exists()
    check_like_whole(project)


ROOMY = 96
"""Pixels; the micrographs have room for few blocks of this box, and for enough of half of it."""


def test_smaller_blocks_where_ice_has_no_room(project: Path) -> None:
    bank, warnings = cut(project, box=ROOMY)
    assert bank.box == ROOMY // 2
    assert bank.n >= LEAST_BLOCKS
    told = (
        r"(Only \d+ noise blocks? of|No noise block of) 96 pixels fits? into the empty ice, and at "
    )
    told += "least 20 are needed: blocks of 48 pixels are cut instead."
    assert any(re.fullmatch(told, warning) for warning in warnings)
    record = json.loads(Path("Noise/run.json").read_text())
    assert record["warnings"] == warnings
    assert (record["box"], record["identity"]["box"]) == (48, ROOMY)
    # They are those that a run for the smaller box cuts.
    other, _ = cut(project, box=ROOMY // 2, out=Path("Half"))
    np.testing.assert_array_equal(other.blocks(), bank.blocks())
    before = contents(Path("Noise"))
    segmenter = PickSegmenter()
    again, told = cut(project, box=ROOMY, segmenter=segmenter)
    assert (again.box, told, segmenter.seen) == (48, warnings, [])
    assert contents(Path("Noise")) == before


def test_few_blocks_that_were_asked_for_are_kept(project: Path) -> None:
    bank, _ = cut(project, box=64, per_micrograph=1)
    assert bank.box == 64
    assert bank.n < LEAST_BLOCKS


def test_no_room_for_the_smallest_blocks(project: Path) -> None:
    with (
        collected(None) as warnings,
        pytest.raises(IceblockError, match="no noise block of 32 pixels could be cut"),
    ):
        run(options(project, box=ROOMY, margin=2000.0), segmenter=PickSegmenter())
    assert [warning.split(": ")[1] for warning in warnings] == [
        "blocks of 48 pixels are cut instead.", "blocks of 32 pixels are cut instead.",
    ]  # fmt: skip


@pytest.mark.parametrize("cuts", [2, 6])
def test_a_run_that_is_stopped_among_its_boxes_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, cuts: int
) -> None:
    """Four micrographs: it is stopped while it cuts the large blocks, and the smaller ones."""
    segmenter, real = PickSegmenter(), PickSegmenter.segment

    def stopping(*arguments: Any) -> Segmentation:
        if len(segmenter.seen) == cuts:
            raise Stopped
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(PickSegmenter, "segment", stopping)
        with pytest.raises(Stopped):
            cut(project, box=ROOMY, segmenter=segmenter)
    _, broken = cut(project, box=ROOMY)
    Path("Noise").rename("broken")
    _, whole = cut(project, box=ROOMY)
    assert broken == whole
    one, other = contents(Path("broken")), contents(Path("Noise"))
    assert one.keys() == other.keys()
    assert all(one[name] == other[name] for name in one if name != "run.json")


@pytest.mark.parametrize(
    ("asked", "boxes"),
    [
        (256, (128, 64)), (98, (48, 32)), (97, (48, 32)), (80, (40, 32)), (40, (32,)), (32, ()),
        (20, ()),
    ],
)  # fmt: skip
def test_boxes_of_noise_blocks(asked: int, boxes: tuple[int, ...]) -> None:
    """Half and a quarter of what was asked for, even, none below 32 pixels."""
    tried = options(Path(), box=asked)
    for box in boxes:
        assert smaller_box(asked, tried, LEAST_BLOCKS - 1) == box
        tried = options(Path(), box=box)
    assert smaller_box(asked, tried, 0) is None
    assert smaller_box(asked, options(Path(), box=asked), LEAST_BLOCKS) is None


def test_other_options_are_another_run(project: Path) -> None:
    many, _ = cut(project)
    with pytest.raises(IceblockError, match=r"another run \(different: margin\)"):
        cut(project, margin=40.0)
    Path("Picks/mic01.star").write_text(Path("Picks/mic02.star").read_text())
    with pytest.raises(IceblockError, match=r"different: picks"):
        cut(project)
    fewer, _ = cut(project, margin=40.0, overwrite=True)
    assert fewer.n < many.n
    assert json.loads(Path("Noise/run.json").read_text())["identity"]["margin"] == 40


def test_a_micrograph_that_cannot_be_read_is_passed_over(project: Path) -> None:
    Path("Micrographs/mic02.mrc").write_bytes(b"garbage")
    Path("Micrographs/mic03.mrc").unlink()
    bank, warnings = cut(project)
    assert set(bank.table["micrograph"]) == {"Micrographs/mic01.mrc", "Micrographs/mic04.mrc"}
    assert any("mic02.mrc" in w and "passed over" in w for w in warnings)
    assert any("2 of 4 micrographs cannot be read" in w for w in warnings)
    listed = Path("Noise/unreadable.txt").read_text().splitlines()
    assert len(listed) == 2
    assert "mic02.mrc" in listed[0]
    assert "mic03.mrc" in listed[1]


def test_all_unreadable(project: Path) -> None:
    for path in Path("Micrographs").glob("*.mrc"):
        path.write_bytes(b"garbage")
    with pytest.raises(IceblockError, match=r"none of the 4 micrographs can be read; the first: "):
        cut(project)
    assert not Path("Noise/blocks.star").exists()


def test_micrographs_without_picks(project: Path) -> None:
    """They are used with the segmentation alone, or skipped if picks are required."""
    Path("Picks/mic02.star").unlink()
    bank, warnings = cut(project)
    assert any("no picks file or row for 1 of 4 micrographs" in w for w in warnings)
    assert "Micrographs/mic02.mrc" in set(bank.table["micrograph"])
    bank, _ = cut(project, require_picks=True, out=Path("Required"))
    assert "Micrographs/mic02.mrc" not in set(bank.table["micrograph"])
    assert "mic02.mrc: skipped" in Path("Required/remarks.txt").read_text()
    assert json.loads(Path("Required/run.json").read_text())["skipped"] == 1


def test_no_picks_at_all_is_said(project: Path) -> None:
    _, warnings = cut(project, picks=None)
    assert any("No picks are given" in w for w in warnings)
    with pytest.raises(IceblockError, match="--require-picks is given without picks"):
        cut(project, picks=None, require_picks=True)


def test_picks_outside_and_of_other_micrographs(project: Path) -> None:
    with Path("Picks/mic01.star").open("a") as file:
        file.write("900 900\n-40 3\n" + "999 999\n" * 7)
    Path("Picks/mic77.star").write_text(Path("Picks/mic01.star").read_text())
    _, warnings = cut(project)
    assert any("picks of 1 micrograph not among" in w for w in warnings)
    assert any("Picks lie outside 1 micrograph (Micrographs/mic01.mrc)" in w for w in warnings)
    remark = Path("Noise/remarks.txt").read_text()
    assert "mic01.mrc: 9 of 13 picks lie outside the micrograph: were they made on" in remark


def test_pollution_masks(project: Path) -> None:
    Path("Masks").mkdir()
    mask = np.zeros((56, 56), np.uint8)
    mask[:, :28] = 255
    Image.fromarray(mask).save("Masks/mic01_mask.png")
    bank, _ = cut(project, masks=Path("Masks"))
    left = bank.table[bank.table["micrograph"] == "Micrographs/mic01.mrc"]["x"].min()
    assert left >= SIDE // 2 + BOX // 2
    assert bank.table["x"].min() < SIDE // 2


def test_dead_and_saturated_pixels_are_avoided(project: Path) -> None:
    def spoil(data: np.ndarray) -> None:
        data[100:140] = np.nan
        data[:40] = 0

    edit("Micrographs/mic01.mrc", spoil)
    bank, _ = cut(project)
    assert np.isfinite(bank.blocks()).all()
    y = bank.table[bank.table["micrograph"] == "Micrographs/mic01.mrc"]["y"]
    assert ((y + BOX // 2 <= 100) | (y - BOX // 2 >= 140)).all()
    assert (y - BOX // 2 >= 40).all()
    assert "mic01.mrc: " in Path("Noise/remarks.txt").read_text()


def test_all_carbon(project: Path) -> None:
    """No block from it, and the user is told so."""
    edit("Micrographs/mic03.mrc", lambda data: np.add(data, CARBON, out=data))
    bank, warnings = cut(project)
    assert "Micrographs/mic03.mrc" not in set(bank.table["micrograph"])
    told = "1 of 4 micrographs gave no block (Micrographs/mic03.mrc), most often because of too"
    assert any(told in w for w in warnings)
    remark = "mic03.mrc: no blocks: too little background, 0 % of it is background"
    assert remark in Path("Noise/remarks.txt").read_text()


def test_no_blocks_in_all(project: Path) -> None:
    """The sentence says what to change; changing it needs no --overwrite."""
    for k in range(1, 5):
        edit(f"Micrographs/mic0{k}.mrc", lambda data: np.add(data, CARBON, out=data))
    with pytest.raises(
        IceblockError, match=r"too little background; try a smaller --margin, a smaller --min"
    ):
        cut(project)
    with pytest.raises(
        IceblockError, match=r"no window clear.*; try a smaller --box, a smaller --mar"
    ):
        cut(project, out=Path("Wide"), margin=400.0, min_background=0.0)
    assert not Path("Noise/blocks.star").exists()
    assert len(list(Path("Noise/Overlays").iterdir())) == 4
    for k in range(1, 5):
        edit(f"Micrographs/mic0{k}.mrc", lambda data: np.subtract(data, CARBON, out=data))
    bank, _ = cut(project, margin=5.0)
    assert bank.n > 0
    assert not Path("Noise/Working").exists()


def test_required_picks_that_list_none(project: Path) -> None:
    for k in (1, 3, 4):
        Path(f"Picks/mic0{k}.star").unlink()
    asked = options(project, require_picks=True)
    others = Path("few.star")
    text = Path("micrographs.star").read_text()
    others.write_text("".join(line for line in text.splitlines(True) if "mic02" not in line))
    with pytest.raises(IceblockError, match="none of the 3 micrographs"):
        run(options(project, require_picks=True, micrographs=(others,)), segmenter=PickSegmenter())
    run(asked, segmenter=PickSegmenter())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pixel_size": 0.3}, r"has no room for a particle of 100 Å.*correct the pixel size"),
        ({"particle_diameter": 2000.0}, r"has no room for a particle of 2000 Å"),
        ({"box": 300}, r"224 x 224 pixels and blocks of 300 pixels do not fit"),
        ({"box": 8}, r"--box is 8 pixels and must be at least 16"),
        ({"particle_diameter": -3.0}, r"--particle-diameter is -3 Å and must lie between 10"),
        ({"overlap": 1.5}, r"overlap is 1\.5"),
        ({"stride": 0}, r"stride is 0"),
        ({"per_micrograph": 0}, r"--per-micrograph is 0"),
        ({"margin": -1.0}, r"margin is -1"),
        ({"min_background": 3.0}, r"--min-background is 3"),
        ({"synthetic": -1}, r"--synthetic is -1"),
        ({"threads": 0}, r"threads is 0"),
        ({"picks": Path("nowhere")}, r"nowhere"),
        ({"masks": Path("nowhere")}, r"nowhere is not a folder"),
        ({"micrographs": (Path("nowhere.star"),)}, r"nowhere\.star does not exist"),
    ],
)
def test_wrong_options_are_one_sentence(project: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(IceblockError, match=told) as caught:
        cut(project, **changes)
    assert "\n" not in str(caught.value)
    assert not Path("Noise/blocks.star").exists()


def test_a_model_that_is_not_there(project: Path) -> None:
    with pytest.raises(IceblockError, match="'nothing' is neither a file nor one that ships"):
        run(options(project, model="nothing"))
    assert not Path("Noise").exists()


def test_mixed_pixel_sizes_are_refused(project: Path) -> None:
    text = Path("micrographs.star").read_text()
    text = text.replace("0.07 4.0\n", "0.07 4.0\nopticsGroup2 2 200 1.4 0.07 5.0\n")
    Path("micrographs.star").write_text(text.replace("mic03.mrc 1", "mic03.mrc 2"))
    with pytest.raises(IceblockError, match=r"4 Å per pixel and Micrographs/mic03\.mrc 5 Å"):
        cut(project)


def test_few_blocks_and_synthetic_ones(project: Path) -> None:
    few, warnings = cut(project, per_micrograph=2)
    assert few.n == 8
    assert any("The noise is little" in w and "add synthetic ones" in w for w in warnings)
    more, warnings = cut(project, per_micrograph=2, synthetic=100, overwrite=True)
    assert more.table["source"].value_counts().to_dict() == {"model": 100, "real": 8}
    assert any("100 synthetic ones were added" in w for w in warnings)
    real, made = more.blocks(np.arange(8)), more.blocks(np.arange(8, 108))
    assert made.std() == pytest.approx(real.std(), rel=0.1)
    sd = more.table["sd"]
    assert sd[8:].median() == pytest.approx(sd[:8].median(), rel=0.1)


def test_progress_and_last_words(project: Path) -> None:
    stream = io.StringIO()
    run(options(project, picks=None), progress=stream, segmenter=PickSegmenter())
    text = stream.getvalue()
    assert "WARNING: No picks are given" in text
    assert "4/4" in text
    assert text.splitlines()[-3].startswith(f"{NoiseBank.read(Path('Noise')).n} noise blocks of")
    assert text.splitlines()[-2:] == ["  Noise/blocks.star", "  Noise/report.pdf"]


@pytest.mark.parametrize(
    "changes",
    [
        {"box": 3},
        {"stride": 0},
        {"overlap": 1.0},
        {"overlap": -0.1},
        {"per_micrograph": 0},
        {"margin": -1.0},
        {"min_background": 1.5},
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, Any]) -> None:
    needed = {"box": 64, "particle_diameter": 120.0}
    options = NoiseOptions(micrographs=Path("m.star"), out=Path("Noise"), **(needed | changes))
    spelled = next(iter(changes)).replace("_", "-")
    with pytest.raises(IceblockError, match=rf"--{spelled} is .*must"):
        options.check()
