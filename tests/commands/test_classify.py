import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
import starfile
import torch

from core.errors import IceblockError
from core.runs.classify import report
from core.runs.classify.options import ClassifyOptions, sensible_classes
from core.runs.classify.run import run

from ..figures.test_pages import boxes
from ..sets.glyph_set import write_set
from ..sets.glyphs import BOX, scenes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def options(star: Path, **given: object) -> ClassifyOptions:
    settings = {"classes": 4, "particle_diameter": 150.0, "iterations": 10, "threads": 1}
    return ClassifyOptions(star, star.parent / "Classes", **{**settings, **given})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def one_thread() -> object:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.drawn
def test_a_set_of_three_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    images, which, _, _ = scenes(240, 0.7, seed=0)
    star = write_set(tmp_path, images)
    found = run(options(star)).found
    out = tmp_path / "Classes"
    rows = starfile.read(out / "particles.star")["particles"]
    classes = rows["rlnClassNumber"].to_numpy()
    pure = sum(np.bincount(which[classes == k]).max() for k in np.unique(classes)) / len(which)
    assert pure > 0.9
    assert list(np.diff(found.counts[:-1]) <= 0) == [True] * 3  # the largest first
    assert list(rows["rlnImageName"])[:2] == ["000001@raw.mrcs", "000002@raw.mrcs"]
    assert "note_007" in (out / "particles.star").read_text()
    assert set(rows["rlnAngleRot"]) == {0}
    averages = mrcfile.read(out / "classes.mrcs")
    assert averages.shape == (4, BOX, BOX)
    model = starfile.read(out / "run_it010_model.star")
    assert len(model["model_classes"]) == 4
    assert model["model_classes"]["rlnClassDistribution"].sum() == pytest.approx(1, abs=1e-4)
    optimiser = starfile.read(out / "run_it010_optimiser.star")
    assert (tmp_path / optimiser["rlnExperimentalDataStarFile"]).exists()
    assert (out / "report.pdf").stat().st_size > 10_000
    assert (out / "classes.png").stat().st_size > 10_000
    record = json.loads((out / "run.json").read_text())
    assert (record["state"], record["classes"]) == ("finished", 4)


def test_images_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    images, _, _, _ = scenes(120, 0.7, seed=2)
    images[3, 5, 5] = torch.nan
    images[7] = 2.0
    images[9] *= 1
    images[9, 10:38, 10:38] += 100  # as much contrast as ice has
    star = write_set(tmp_path, images)
    done = run(options(star))
    rows = starfile.read(tmp_path / "Classes" / "particles.star")["particles"]
    assert list(rows["rlnClassNumber"].iloc[[3, 7]]) == [5, 5]
    told = " ".join(done.record.warnings)
    assert "2 of 120 images hold NaN" in told
    assert "1 of 120 images have far more contrast" in told
    assert mrcfile.read(tmp_path / "Classes" / "classes.mrcs").shape == (5, BOX, BOX)


@pytest.mark.drawn
def test_no_line_of_facts_lies_on_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pages: list[Figure] = []
    monkeypatch.setattr(report, "write_pages", lambda _, made: pages.extend(made))
    run(options(write_set(tmp_path, scenes(240, 0.7, seed=2)[0]), iterations=2, classes=12))
    written = {text.get_text() for text in pages[0].texts}  # and no hidden tick
    facts = [box for box in boxes(pages[0]) if box[0] in written]
    assert len(facts) > 18
    for one, other in itertools.combinations(facts, 2):
        apart = one[2] <= other[1] or other[2] <= one[1] or one[3] >= other[4] or other[3] >= one[4]
        assert apart, (one[0], other[0])
    assert all(low > 0 and right < 1 for _, _, right, low, _ in facts)


def test_hot_pixels_are_looked_past_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = scenes(120, 0.7, seed=2)[0]
    clean = run(options(write_set(tmp_path, images), iterations=4, classes=1)).found
    images[:, 20, 21] += 160
    done = run(options(write_set(tmp_path, images, "hot"), iterations=4, classes=1, overwrite=True))
    first, second = (found.averages[0].ravel() for found in (clean, done.found))
    assert np.corrcoef(first, second)[0, 1] > 0.95
    assert "120 images hold pixels far outside" in " ".join(done.record.warnings)


def test_the_same_command_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    star = write_set(tmp_path, scenes(300, 0.7, seed=3)[0])  # more than one thread takes at a time
    names = ("particles.star", "classes.mrcs", "run_it003_model.star")
    made = []
    for threads in (1, 2):
        run(options(star, threads=threads, iterations=3, classes=2, overwrite=True))
        made.append([(tmp_path / "Classes" / name).read_bytes() for name in names])
    assert made[0] == made[1]


def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    star = write_set(tmp_path, scenes(30, 0.7, seed=4)[0])
    with pytest.raises(IceblockError, match="30 images, too few for 31 classes; give --classes 1"):
        run(options(star, classes=31))
    with pytest.raises(IceblockError, match="classes is 0"):
        run(options(star, classes=0))
    told = run(options(star, classes=5, particle_diameter=400.0)).record.warnings
    assert any("30 images for 5 classes: averages" in sentence for sentence in told)
    assert any("400 Å does not fit into the box" in sentence for sentence in told)


def test_no_image_that_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    star = write_set(tmp_path, torch.full((30, BOX, BOX), torch.nan))
    with pytest.raises(IceblockError, match="none of 30 images can be classified: they hold NaN"):
        run(options(star))


def test_nothing_but_ice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    generator = torch.Generator().manual_seed(0)
    done = run(options(write_set(tmp_path, torch.randn(160, BOX, BOX, generator=generator))))
    assert any("Nothing but noise" in sentence for sentence in done.record.warnings)
    assert done.record.nothing_seen == [1, 2, 3, 4]
    assert not mrcfile.read(tmp_path / "Classes" / "classes.mrcs").any()


def test_more_particles_get_more_classes() -> None:
    assert [sensible_classes(n) for n in (10, 1000, 100_000)] == [1, 10, 50]


def test_as_a_relion_job(tmp_path: Path) -> None:
    star = write_set(tmp_path, scenes(60, 0.7, seed=5)[0])
    code = (
        "import sys; from relion_ext.launcher import main; sys.exit(main('classify', sys.argv[1:]))"
    )
    labels = ["--classes", "2", "--iterations", "4", "--particle_diameter", "150"]
    done = subprocess.run(
        [sys.executable, "-c", code, "--o", "External/job001/", "--in_parts", star.name, *labels],
        cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    job = tmp_path / "External" / "job001"
    assert done.returncode == 0, done.stderr
    assert (job / "RELION_JOB_EXIT_SUCCESS").exists()
    nodes = (job / "RELION_OUTPUT_NODES.star").read_text()
    for name in ("particles.star", "run_it004_model.star", "run_it004_optimiser.star"):
        assert f"External/job001/{name}" in nodes
        assert (job / name).exists()
