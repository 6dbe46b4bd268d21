import json
from pathlib import Path

import numpy as np
import pytest
import starfile
import torch

from core.errors import IceblockError
from core.images.cs.table import read_table, write_table
from core.images.star.document import StarFile
from core.runs.select.options import SelectOptions
from core.runs.select.run import Selection, run

from ..sets.glyph_set import write_set
from ..sets.glyphs import BOX, PIXEL_SIZE, scenes

GOOD, EMPTY, BAD = 120, 60, 20
N = GOOD + EMPTY + BAD


def choose(star: Path, **given: object) -> Selection:
    settings = {"particle_diameter": 150.0, "threads": 1}
    return run(SelectOptions(star, star.parent / "Selected", **{**settings, **given}))  # type: ignore[arg-type]


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write 120 particles, 60 boxes of noise and 20 of contamination, in this order."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((EMPTY + BAD, BOX, BOX)).astype(np.float32)
    y, x = np.mgrid[:BOX, :BOX]
    noise[EMPTY:] += 8 * np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / (2 * 9.0**2))
    return write_set(tmp_path, torch.cat([scenes(GOOD, 1.0, seed=0)[0], torch.from_numpy(noise)]))


def rows(path: Path) -> list[str]:
    return list(starfile.read(path)["particles"]["rlnNote"])


def test_particles_are_kept_and_the_others_are_not(mixed: Path) -> None:
    done = choose(mixed, html=True)
    assert done.kept[:GOOD].mean() > 0.95
    assert done.kept[GOOD:].mean() < 0.05
    out = mixed.parent / "Selected"
    kept, rejected = rows(out / "particles.star"), rows(out / "rejected.star")
    assert sorted(kept + rejected) == [f"note_{k:03d}" for k in range(1, N + 1)]
    assert kept == [f"note_{k + 1:03d}" for k in np.flatnonzero(done.kept)]
    table = StarFile.read(out / "particles.star").find("_rlnParticleFigureOfMerit")
    assert table is not None
    scores = table.floats("_rlnParticleFigureOfMerit")
    assert scores == pytest.approx(done.scores.score[done.kept], abs=1e-6)
    assert table.column("_rlnAngleRot") == ["1.50e+01"] * len(kept)  # tokens as they were
    record = json.loads((out / "run.json").read_text())
    assert (record["state"], record["populations"]) == ("finished", 2)
    assert abs(record["empty"] - EMPTY) <= 5
    assert abs(record["contaminated"] - BAD) <= 2
    for name in ("report.pdf", "selection.png", "gallery.html", "gallery_files/raw_00001.jpg"):
        assert (out / name).stat().st_size > 1000


def test_a_clean_set_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = choose(write_set(tmp_path, scenes(120, 0.8, seed=0)[0]))
    assert done.kept.mean() >= 0.98
    assert done.record.populations == 1
    assert "one population" in done.record.chosen_by


def test_other_ways_to_choose(mixed: Path) -> None:
    best = choose(mixed, keep="25%")
    assert best.kept.sum() == N // 4
    assert best.scores.score[best.kept].min() >= best.scores.score[~best.kept].max()
    above = choose(mixed, min_score=0.6, overwrite=True)
    assert (above.kept == (above.scores.score >= 0.6)).all()
    selected = mixed.parent / "Selected" / "particles.star"
    number = int(starfile.read(selected)["particles"]["rlnClassNumber"].iloc[0])
    few = run(SelectOptions(selected, mixed.parent / "Few", classes=str(number), threads=1))
    again = starfile.read(mixed.parent / "Few" / "particles.star")["particles"]
    assert set(again["rlnClassNumber"]) == {number}
    assert few.record.kept == len(again)
    # What stood in the columns is kept under another name.
    before = starfile.read(selected)["particles"].set_index("rlnNote")["rlnParticleFigureOfMerit"]
    older = again.set_index("rlnNote")["rlnIceblockOlderFigureOfMerit"]
    assert (older == before[older.index]).all()
    assert any("rlnIceblockOlderFigureOfMerit" in told for told in few.record.warnings)


def test_marks(mixed: Path) -> None:
    marks = mixed.parent / "marks.star"
    head = "data_particles\n\nloop_\n_rlnImageName\n_rlnIceblockMark\n"
    marks.write_text(head + "000003@raw.mrcs 0\n000005@raw.mrcs 0\n000006@raw.mrcs 1\n")
    done = choose(mixed, marks=marks)
    assert list(np.flatnonzero(~done.kept)) == [2, 4]
    assert any(f"does not name {N - 3} particles" in told for told in done.record.warnings)
    marks.write_text(head + "000003@other.mrcs 0\n")
    with pytest.raises(IceblockError, match="names none of the particles"):
        choose(mixed, marks=marks, overwrite=True)
    with pytest.raises(IceblockError, match="holds no marks"):
        choose(mixed, marks=mixed, overwrite=True)


def test_a_cs_file(mixed: Path) -> None:
    records = np.zeros(N, dtype=[
        ("uid", "u8"), ("blob/path", "S16"), ("blob/idx", "u4"), ("blob/shape", "u4", (2,)),
        ("blob/psize_A", "f4"), ("blob/sign", "f4"), ("alignments2D/class", "u4"),
    ])  # fmt: skip
    records["uid"], records["blob/idx"] = np.arange(N) + 77, np.arange(N)
    records["blob/path"], records["blob/shape"] = b"raw.mrcs", BOX
    records["blob/psize_A"], records["blob/sign"] = PIXEL_SIZE, 1
    records["alignments2D/class"] = np.arange(N) % 3
    table = mixed.parent / "raw.cs"
    write_table(records, table)
    by_score = choose(table)
    found = read_table(mixed.parent / "Selected" / "particles.cs")
    assert list(found["uid"]) == list(records["uid"][by_score.kept])
    assert found["iceblock/score"] == pytest.approx(by_score.scores.score[by_score.kept], abs=1e-6)
    assert len(read_table(mixed.parent / "Selected" / "rejected.cs")) == (~by_score.kept).sum()
    by_class = choose(table, classes="0,2", overwrite=True)
    assert (by_class.kept == (np.arange(N) % 3 != 1)).all()


def test_denoised_particles_become_raw_again(mixed: Path) -> None:
    from core.images.denoised_mark import DENOISED
    from core.images.mrc.writer import StackWriter
    from core.images.particles import read_particles

    particles = read_particles(mixed)
    with StackWriter(mixed.parent / "soft.mrcs", N, BOX, PIXEL_SIZE, label=DENOISED) as writer:
        writer.append(np.zeros((N, BOX, BOX), np.float32))
    denoised = mixed.parent / "denoised.star"
    particles.with_images([f"{k:06d}@soft.mrcs" for k in range(1, N + 1)]).write(denoised)
    done = choose(denoised)
    kept = starfile.read(mixed.parent / "Selected" / "particles.star")["particles"]
    assert done.record.restored == N
    assert set(kept["rlnImageName"].str[7:]) == {"raw.mrcs"}
    assert "rlnIceblockRawImageName" not in kept
    assert done.kept[:GOOD].mean() > 0.95


def test_mistakes(mixed: Path) -> None:
    with pytest.raises(IceblockError, match="--min-score and --keep choose particles in different"):
        choose(mixed, min_score=0.5, keep="10%")
    with pytest.raises(IceblockError, match="keep is 120% and must be a part such as 80%"):
        choose(mixed, keep="120%")
    with pytest.raises(IceblockError, match="must name classes, such as 1,4,7-9"):
        choose(mixed, classes="one")
    with pytest.raises(IceblockError, match="has no 2D classes; classify the particles first"):
        choose(mixed, classes="1")
    with pytest.raises(IceblockError, match=r"no particle of .* is kept"):
        choose(mixed, min_score=1.0, overwrite=True)
