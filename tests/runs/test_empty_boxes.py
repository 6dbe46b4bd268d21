"""Boxes without a particle are counted and told by the runs that do not select."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.console import Console
from core.images.output_plan import plan_output
from core.images.particles import read_particles
from core.images.validation import validate
from core.remarks import collected
from core.runs import empty_boxes
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.record import BoxCounts
from core.runs.denoise.run import run as denoise
from core.runs.empty_boxes import count_boxes, tell_boxes
from core.runs.evaluate.options import EvaluateOptions
from core.runs.evaluate.run import run as evaluate
from core.signal.ctf import CtfParameters

from .set_project import BOX, MODEL, STAR, N, simulated, write_model, write_stacks, write_star

EMPTY = 45
"""Of N images; the last ones."""


@pytest.fixture(scope="module")
def particles() -> tuple[np.ndarray, CtfParameters]:
    return simulated()


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, particles: tuple[np.ndarray, CtfParameters]
) -> Path:
    """A set whose last stack shows nothing but ice, entered."""
    monkeypatch.chdir(tmp_path)
    images, ctf = particles
    ice = np.random.default_rng(5).permutation(images[-EMPTY:].ravel()).reshape(EMPTY, BOX, BOX)
    write_stacks(tmp_path, np.concatenate([images[:-EMPTY], ice]))
    write_star(tmp_path, ctf)
    write_model(tmp_path)
    return tmp_path


def record(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(folder, "run.json").read_text())
    return found


def test_denoising_and_evaluation_tell_of_empty_boxes(project: Path) -> None:
    options = DenoiseOptions(STAR, Path("Out"), MODEL, device="cpu", threads=1)
    denoise(options)
    made = record("Out")
    assert made["boxes"]["looked_at"] == made["boxes"]["of"] == N
    assert abs(made["boxes"]["empty"] - EMPTY) <= 5
    told = f"{made['boxes']['empty']} look empty (135 boxes): `iceblock select` leaves such boxes"
    assert any(told in warning for warning in made["warnings"])
    denoise(options)
    assert record("Out")["warnings"] == made["warnings"]

    asked = EvaluateOptions(Path("Out/particles.star"), Path("Trust"), gate=False, device="cpu")
    assert any(told in warning for warning in evaluate(asked).verdicts["warnings"])
    Path("Out/run.json").rename("run.json")  # nothing is known of that run any more
    found = evaluate(replace(asked, out=Path("Other"))).verdicts
    assert found["boxes"] == made["boxes"]
    assert any(told in warning for warning in found["warnings"])


def test_each_alone_is_not_looked_at(project: Path) -> None:
    denoise(DenoiseOptions(STAR, Path("Out"), MODEL, device="cpu", threads=1, each_alone=True))
    assert "boxes" not in record("Out")


def test_a_set_of_particles_has_no_empty_boxes(
    project: Path, particles: tuple[np.ndarray, CtfParameters]
) -> None:
    write_stacks(project, particles[0])
    assert look() == BoxCounts(N, N, 0, 0)


def test_a_sample_of_a_large_set(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_boxes, "MOST", 120)
    found = look()
    assert found is not None
    assert (found.looked_at, found.of) == (120, N)
    assert abs(found.empty - EMPTY * 120 / N) <= 5


def test_few_images_are_not_looked_at(project: Path) -> None:
    write_star(project, None, n=99)
    assert look() is None


def look() -> BoxCounts | None:
    particles = read_particles(STAR)
    jobs = plan_output(particles, validate(particles)).jobs
    columns = particles.ctf()
    ctf = None if columns is None else CtfParameters(**columns)
    return count_boxes(jobs, ctf, particles.optics_groups, Console())


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (BoxCounts(447, 447, 63, 0), ["63 look empty (447 boxes): "]),
        (BoxCounts(1000, 5000, 63, 20), ["63 look empty and 20 look contaminated (1000 boxes that "
                                         "were looked at, of 5000 in all): "]),
        (BoxCounts(1000, 1000, 0, 19), []),
        (BoxCounts(), []),
    ],
)  # fmt: skip
def test_many_such_boxes_are_a_warning(counts: BoxCounts, told: list[str]) -> None:
    with collected(None) as warnings:
        tell_boxes(counts)
    rest = "`iceblock select` leaves such boxes out."
    assert warnings == [f"{sentence}{rest}" for sentence in told]


@pytest.mark.parametrize("name", ["empiar10146_apoferritin", "empiar10028_80S"])
def test_real_particles_are_not_called_empty(
    test_data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Their confidences have two populations in apoferritin; what select measures has one."""
    monkeypatch.chdir(test_data / "projects" / name)
    particles = read_particles(Path("Extract/job003/particles.star"))
    jobs = plan_output(particles, validate(particles)).jobs
    found = count_boxes(jobs, None, particles.optics_groups, Console())
    assert found is not None
    assert found.empty == 0
