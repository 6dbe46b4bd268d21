"""A quick look denoises some particles; a dry run denoises none, and tells what all would take."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import IceblockError
from core.images.particle_images import images_of
from core.images.particles import read_particles
from core.runs.denoise.dry_run import dry_run
from core.runs.denoise.extent import Extent, format_size
from core.runs.denoise.options import DenoiseCommand, DenoiseOptions
from core.runs.denoise.run import run

from .set_project import BOX, MODEL, STACKS, STAR, write_model, write_stacks, write_star

EACH = 45
N = EACH * STACKS


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).standard_normal((N, BOX, BOX))
    write_stacks(tmp_path, noise.astype(np.float32))
    write_star(tmp_path, None)
    write_model(tmp_path)
    return tmp_path


def options(out: str, **changes: Any) -> DenoiseOptions:
    plain = DenoiseOptions(STAR, Path(out), MODEL, device="cpu", threads=1, each_alone=True)
    return replace(plain, contrast="white", **changes)


def images(out: str) -> dict[str, np.ndarray]:
    """Denoised images, by the names of their raw ones."""
    particles = read_particles(Path(out) / STAR)
    return dict(zip(particles.restored().names, images_of(particles), strict=True))


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({"first": 50}, range(50)),
        ({"every": 40}, range(0, N, 40)),
        ({"first": 3, "every": 20}, (0, 20, 40)),
        ({"first": 2, "every": 1000}, (0,)),
    ],
)
def test_some_particles(project: Path, asked: dict[str, int], rows: Any) -> None:
    """They come out as in the whole run, and the file has them alone."""
    run(options("Whole"))
    whole = images("Whole")
    said = StringIO()
    run(options("Some", **asked), progress=said)
    some = images("Some")
    assert list(some) == [read_particles(STAR).names[row] for row in rows]
    for name, image in some.items():
        np.testing.assert_allclose(image, whole[name], atol=1e-6)
    record = json.loads(Path("Some/run.json").read_text())
    assert (record["particles"], record["images"], record["out_of"]) == (len(rows), len(rows), N)
    size = (4 * N * BOX**2 + 1024 * STACKS) / 1000
    assert f"a quick look at {len(rows)} of {N} particles\n  all of them: about " in said.getvalue()
    assert f"and {size:.0f} kB of disk" in record["whole"]


@pytest.mark.parametrize("asked", [{"first": N}, {"first": 1000}, {"every": 1}])
def test_all_that_are_there_are_no_quick_look(project: Path, asked: dict[str, int]) -> None:
    run(options("Out", **asked))
    record = json.loads(Path("Out/run.json").read_text())
    assert record["particles"] == N
    assert "out_of" not in record


def test_a_quick_look_is_another_run_than_the_whole(project: Path) -> None:
    run(options("Out", first=5))
    before = Path("Out/particles.star").read_bytes()
    run(options("Out", first=5))
    with pytest.raises(IceblockError, match=r"another run .different: .*first"):
        run(options("Out"))
    assert Path("Out/particles.star").read_bytes() == before


def test_a_dry_run_writes_nothing(project: Path) -> None:
    before = sorted(project.iterdir())
    asked = DenoiseCommand(STAR, Path("New/Out"), MODEL, device="cpu", threads=1, dry_run=True)
    told = dry_run(replace(asked, first=50, dtype="float16"))
    assert sorted(project.iterdir()) == before
    assert told.startswith("50 images in 2 stacks would be denoised with tiny on cpu\n")
    assert "32 px, 4 Å" in told
    assert f"and {2 * 50 * BOX**2 / 1000 + 2:.0f} kB of disk (all {N}: about " in told
    assert "New/Out/particles.star; nothing was written" in told
    assert "learns from the set" not in told
    assert "learns from the set" in dry_run(asked)
    assert "learns from the set" not in dry_run(replace(asked, each_alone=True))


def test_a_dry_run_refuses_what_the_run_would(project: Path) -> None:
    Path("0.mrcs").unlink()
    with pytest.raises(IceblockError, match=r"0\.mrcs"):
        dry_run(options("Out"))


@pytest.mark.parametrize("wrong", [{"first": 0}, {"every": 0}])
def test_none_at_all_is_refused(project: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(IceblockError, match="is 0 and must be at least 1"):
        run(options("Out", **wrong))


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1024, "1.0 kB"), (999_499, "999 kB"),
     (999_600, "1.0 MB"), (14_155_776, "14 MB"), (3.2e9, "3.2 GB"), (5e15, "5000 TB")],
)  # fmt: skip
def test_sizes_in_words(size: float, words: str) -> None:
    assert format_size(size) == words


def test_time_and_disk_in_words() -> None:
    assert Extent(900, 3_000_000).words(4.0) == "about 3 min 45 s, and 3.0 MB of disk"
    assert Extent(900, 3_000_000).words(None) == "3.0 MB of disk"
