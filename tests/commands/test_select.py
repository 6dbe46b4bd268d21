import io
import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
import torch

from core.errors import IceblockError
from core.images.cs.table import read_table, write_table
from core.images.mrc.writer import DenoisedStackWriter
from core.images.particles import read_particles
from core.images.scores import Scores
from core.images.star.document import StarFile
from core.remarks import collected
from core.runs.select.choice import choose as select
from core.runs.select.options import SelectOptions
from core.runs.select.run import Selection, run
from core.sets.curate.border import Border
from core.signal.fourier import smooth

from ..sets.glyph_set import write_set
from ..sets.glyphs import BOX, PIXEL_SIZE, scenes

GOOD, EMPTY, BAD = 80, 40, 16
N = GOOD + EMPTY + BAD


def choose(star: Path, **given: object) -> Selection:
    settings = {"out": star.parent / "Selected", "particle_diameter": 150.0, "threads": 1}
    return run(SelectOptions(star, **{**settings, **given}))  # type: ignore[arg-type]


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write particles, boxes of noise and boxes of contamination, in this order."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((EMPTY + BAD, BOX, BOX)).astype(np.float32)
    y, x = np.mgrid[:BOX, :BOX]
    noise[EMPTY:] += 8 * np.exp(-((y - 20) ** 2 + (x - 30) ** 2) / (2 * 9.0**2))
    return write_set(tmp_path, torch.cat([scenes(GOOD, 1.0, seed=0)[0], torch.from_numpy(noise)]))


def rows(path: Path) -> list[str]:
    return list(starfile.read(path)["particles"]["rlnNote"])


def test_a_hot_pixel_in_every_image_changes_no_choice(mixed: Path) -> None:
    before = choose(mixed)
    images = torch.from_numpy(mrcfile.read(mixed.parent / "raw.mrcs").copy())
    y, x = np.random.default_rng(2).integers(12, BOX - 12, (2, N))
    images[torch.arange(N), y, x] += 160
    after = choose(write_set(mixed.parent, images, "hot"), out=mixed.parent / "Hot")
    assert (before.kept == after.kept).mean() > 0.97
    assert f"{N} images hold pixels far outside" in " ".join(after.record.warnings)
    assert "pixels far outside" not in " ".join(before.record.warnings)


def test_blurred_images_are_told(mixed: Path) -> None:
    images = smooth(torch.from_numpy(mrcfile.read(mixed.parent / "raw.mrcs").copy()), 3.0)
    done = choose(write_set(mixed.parent, images, "blurred"), keep="50%")
    assert "no fine noise about them" in " ".join(done.record.warnings)


def test_images_without_background_are_not_kept(mixed: Path) -> None:
    images = torch.from_numpy(mrcfile.read(mixed.parent / "raw.mrcs").copy())
    images[::2] = 1.0
    done = choose(write_set(mixed.parent, images, "half"))
    assert not done.kept[::2].any()
    assert done.kept[1:GOOD:2].mean() > 0.9
    assert f"{N // 2} of {N} images hold NaN or have a constant" in " ".join(done.record.warnings)
    images[:] = 1.0
    with pytest.raises(IceblockError, match=r"no particle of .* is kept"):
        choose(write_set(mixed.parent, images, "all"), overwrite=True)


@pytest.mark.drawn
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
    for name in ("report.pdf", "selection.png", "gallery.html", "gallery_files/raw_00000.jpg"):
        assert (out / name).stat().st_size > 1000


def picked(star: Path, border: Border | None = None, **given: object) -> list[int]:
    """Choose among particles whose scores rise from 0 to 1; the last one is contamination."""
    options = SelectOptions(star, star.parent / "Selected", **given)  # type: ignore[arg-type]
    options.check()
    particles = read_particles(star)
    scores = np.linspace(0, 1, particles.n)
    made = select(options, particles, scores, np.arange(particles.n) == N - 1, border)
    return np.flatnonzero(made.kept).tolist()


def test_ways_to_choose(mixed: Path) -> None:
    assert picked(mixed) == list(range(N - 1))  # all but the contamination
    assert picked(mixed, Border(0.5, N // 2)) == list(range(N // 2, N - 1))
    assert picked(mixed, keep="25%") == list(range(N - N // 4, N))
    assert picked(mixed, keep="0.25") == picked(mixed, keep="25%")
    assert picked(mixed, min_score=0.6) == [k for k in range(N) if k / (N - 1) >= 0.6]


def test_classes_and_scores_that_stood_there_before(mixed: Path) -> None:
    classes = np.arange(N) % 4 + 1
    scores = Scores(np.linspace(0, 1, N), np.arange(N) - 3.0, classes)
    first, second = mixed.parent / "first.star", mixed.parent / "second.star"
    read_particles(mixed).with_scores(scores).write(first)
    assert picked(first, classes="1,3-4") == np.flatnonzero(classes != 2).tolist()
    others = Scores(np.zeros(N), np.zeros(N), np.zeros(N, np.int64))
    with collected(io.StringIO()) as told:
        again = read_particles(first).with_scores(others)
    again.write(second, np.arange(N) < 10)
    rows = starfile.read(second)["particles"]
    assert list(rows["rlnClassNumber"]) == classes[:10].tolist()
    assert list(rows["rlnParticleFigureOfMerit"]) == [0] * 10
    assert list(rows["rlnIceblockOlderLogLikeliContribution"]) == list(range(-3, 7))
    assert any("rlnIceblockOlderFigureOfMerit" in sentence for sentence in told)


def test_marks(mixed: Path) -> None:
    marks = mixed.parent / "marks.star"
    head = "data_particles\n\nloop_\n_rlnImageName\n_rlnIceblockMark\n"
    marks.write_text(head + "000003@raw.mrcs 0\n000005@raw.mrcs 0\n000006@raw.mrcs 1\n")
    with collected(io.StringIO()) as told:
        assert picked(mixed, marks=marks) == [k for k in range(N) if k not in (2, 4)]
    assert any(f"does not name {N - 3} particles" in sentence for sentence in told)
    marks.write_text(head + "000003@other.mrcs 0\n")
    with pytest.raises(IceblockError, match="names none of the particles"):
        picked(mixed, marks=marks)
    with pytest.raises(IceblockError, match="holds no marks"):
        picked(mixed, marks=mixed)


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
    done = choose(table)
    out = mixed.parent / "Selected"
    found = read_table(out / "particles.cs")
    assert list(found["uid"]) == list(records["uid"][done.kept])
    assert found["iceblock/score"] == pytest.approx(done.scores.score[done.kept], abs=1e-6)
    assert len(read_table(out / "rejected.cs")) == (~done.kept).sum()
    assert picked(table, classes="0,2") == np.flatnonzero(np.arange(N) % 3 != 1).tolist()


def test_denoised_particles_become_raw_again(mixed: Path) -> None:
    particles = read_particles(mixed)
    with DenoisedStackWriter(mixed.parent / "soft.mrcs", N, BOX, PIXEL_SIZE) as writer:
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
        picked(mixed, min_score=0.5, keep="10%")
    with pytest.raises(IceblockError, match="keep is 120% and must be a part such as 80%"):
        picked(mixed, keep="120%")
    with pytest.raises(IceblockError, match="must name classes, such as 1,4,7-9"):
        picked(mixed, classes="one")
    with pytest.raises(IceblockError, match="has no 2D classes; classify the particles first"):
        picked(mixed, classes="1")
    with pytest.raises(IceblockError, match=r"--min-score is 2 and must lie between 0 and 1"):
        picked(mixed, min_score=2.0)


def test_a_small_clean_set_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = choose(write_set(tmp_path, scenes(60, 0.8, seed=0)[0]))
    assert done.kept.mean() >= 0.98
    assert done.record.populations == 1
    assert "one population" in done.record.chosen_by
    assert not (tmp_path / "Selected" / "rejected.star").exists() or not done.kept.all()
