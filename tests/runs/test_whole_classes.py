"""A whole run of a set that has something in common: classes, and views of the reference."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import starfile

from core.denoise.known_set_file import read_sets
from core.runs.denoise import report
from core.runs.whole.options import WholeOptions
from core.runs.whole.record import StageRecords
from core.runs.whole.run import run
from core.simulate.phantoms import phantom

from .set_project import (
    EACH,
    MODEL,
    PIXEL_SIZE,
    STAR,
    N,
    simulated,
    write_map,
    write_model,
    write_stacks,
    write_star,
)

MAP = Path("map.mrc")
MADE = ("classes.mrcs", "classes.png")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    images, ctf = simulated()
    write_model(folder)
    write_stacks(folder, images)
    write_star(folder, ctf)
    volume = phantom(11, PIXEL_SIZE, (70.0, 75.0), 12.0)
    write_map(folder / MAP, volume.data, volume.pixel_size)
    return folder


@pytest.fixture(autouse=True)
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter a project."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(report, "write_report", lambda path, *rest: path.touch())  # takes long
    monkeypatch.chdir(tmp_path)


def whole(**options: Any) -> StageRecords:
    asked = WholeOptions(
        particles=STAR, out=Path("Out"), model=MODEL, device="cpu", threads=1, gate=False, **options
    )
    return run(asked).stages


def times(folder: str) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in Path(folder).iterdir()}


def test_raw_particles_get_classes() -> None:
    stages = whole()
    assert (stages.classes.classes, stages.classes.left_out) == (1, None)
    told = starfile.read("Out/Classes/particles.star")["particles"]
    assert list(told["rlnImageName"]) == list(starfile.read(STAR)["particles"]["rlnImageName"])
    assert (told["rlnClassNumber"] == 1).mean() > 0.9
    known = times("Out/Classes")
    assert whole() == stages  # the same command again makes nothing again
    again = times("Out/Classes")
    assert [again[name] for name in MADE] == [known[name] for name in MADE]


def test_the_reference_helps_to_denoise() -> None:
    assert whole(volumes=(MAP,), classify=False).classes.left_out == "as you said"
    assert not Path("Out/Classes").exists()
    (known,) = read_sets(Path("Out/Denoised")).values()
    assert list(known.views) == ["views of map.mrc"]


def test_a_grown_set_is_classified_anew() -> None:
    text = STAR.read_text().splitlines(keepends=True)
    STAR.write_text("".join(line for line in text if "@2.mrcs" not in line))
    assert whole().classes.left_out == "fewer than 100 particles"
    STAR.write_text("".join(text))
    assert whole().classes.classes == 1
    assert len(starfile.read("Out/Classes/particles.star")["particles"]) == N > 2 * EACH
