"""`relion_iceblock_noise` as a job of the real RELION."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest

from core.noise.bank import NoiseBank

from ..gate import PATIENCE
from ..noise_project import (
    BOX,
    COORDINATES,
    DIAMETER,
    PARTICLES,
    SUFFIX,
    write_blind_model,
    write_project,
)
from .pipeliner import ABORTED, FAILED, SUCCEEDED, Project, find

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.relion

IMAGES_NODE, PDF_NODE = "5", "13"
SMALL = {"box": BOX, "particle_diameter": DIAMETER, "model": "blind.safetensors"}


@pytest.fixture
def mics(tmp_path: Path) -> Project:
    """A project with micrographs and picks, as RELION's picking job leaves them."""
    write_project(tmp_path, n=3)
    write_blind_model(tmp_path / "blind.safetensors")
    return Project(tmp_path)


def add(project: Project, inputs: dict[str, str], labels: dict[str, object]) -> str:
    params: dict[str, object] = {}
    for index, (label, value) in enumerate(labels.items(), start=1):
        params |= {f"param{index}_label": label, f"param{index}_value": value}
    return project.add(
        "External", fn_exe=find("relion_iceblock_noise"), nr_threads=1, **inputs, **params
    )


def stack_of(project: Project, star: str) -> np.ndarray:
    """Let RELION read all images of a STAR file and write them as one stack."""
    command = ["relion_stack_create", "--i", star, "--o", "seen"]
    subprocess.run(command, cwd=project.folder, check=True, capture_output=True, timeout=PATIENCE)
    return np.array(mrcfile.read(project.folder / "seen.mrcs"))


@pytest.mark.parametrize(
    "picks", [{"in_coords": COORDINATES}, {"in_coords": SUFFIX}, {"in_part": PARTICLES}]
)
def test_blocks_that_relion_reads(mics: Project, picks: dict[str, str]) -> None:
    job = add(mics, {"in_mic": "micrographs.star", **picks}, SMALL)
    assert mics.run(job) == SUCCEEDED, mics.errors(job)
    nodes = {f"{job}blocks.star": IMAGES_NODE, f"{job}logfile.pdf": PDF_NODE}
    assert mics.nodes(job) == nodes
    bank = NoiseBank.read(mics.folder / job)
    assert set(bank.table["micrograph"]) == {f"Micrographs/mic0{k}.mrc" for k in (1, 2, 3)}
    np.testing.assert_allclose(stack_of(mics, f"{job}blocks.star"), bank.blocks(), atol=1e-5)


def test_abort_and_continue(mics: Project) -> None:
    shutil.rmtree(mics.folder)
    write_project(mics.folder, n=24)
    write_blind_model(mics.folder / "blind.safetensors")
    project = Project(mics.folder)
    job = add(project, {"in_mic": "micrographs.star", "in_coords": COORDINATES}, SMALL)
    pipeliner = project.start_to_gate(job, "Working/*.npz", after=2)
    parts = project.folder / job / "Working"
    project.abort(job)
    assert project.finish(pipeliner, job) == ABORTED, project.output(job)
    assert not project.nodes(job)
    assert not (project.folder / job / "blocks.star").exists()
    done = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.npz")}
    assert 1 < len(done) < 24
    assert project.run(job) == SUCCEEDED, project.errors(job)
    assert project.nodes(job)[f"{job}blocks.star"] == IMAGES_NODE
    assert len(set(NoiseBank.read(project.folder / job).table["micrograph"])) == 24
    assert not parts.exists()


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"particle_diameter": 100}, "needs the label `box`"),
        ({**SMALL, "margin": 3000}, "try a smaller value of the label `margin`"),
        ({**SMALL, "pixel_size": 0.2}, "correct the pixel size"),
    ],
)
def test_mistakes_fail_with_a_sentence(mics: Project, labels: dict[str, object], told: str) -> None:
    job = add(mics, {"in_mic": "micrographs.star", "in_coords": COORDINATES}, labels)
    assert mics.run(job) == FAILED
    assert told in mics.errors(job)
    assert "Traceback" not in mics.errors(job)
    assert not mics.nodes(job)


REAL = [
    ("empiar10028_80S", 320, 64),
    ("empiar10059_trpv1", 130, 32),
    ("empiar10146_apoferritin", 130, 64),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "diameter", "box"), REAL)
def test_real_micrographs(
    test_data: Path, tmp_path: Path, name: str, diameter: int, box: int
) -> None:
    """The three real projects, with the segmentation model that ships."""
    for folder in ("Micrographs", "AutoPick", "Extract"):
        shutil.copytree(test_data / "projects" / name / folder, tmp_path / folder)
    project = Project(tmp_path)
    job = add(
        project,
        {"in_mic": "Micrographs/micrographs.star", "in_coords": SUFFIX},
        {"box": box, "particle_diameter": diameter, "synthetic": 20, "per_micrograph": 40},
    )
    assert project.run(job) == SUCCEEDED, project.errors(job)
    assert set(project.nodes(job).values()) == {IMAGES_NODE, PDF_NODE}
    bank = NoiseBank.read(tmp_path / job)
    sources = bank.table["source"].tolist()
    assert sources.count("real") >= 10
    assert len(sources) == sources.count("real") + 20
    np.testing.assert_allclose(stack_of(project, f"{job}blocks.star"), bank.blocks(), atol=1e-5)
