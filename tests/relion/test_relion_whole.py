"""`relion_iceblock` as a job of the real RELION."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..noise_project import COORDINATES, SUFFIX
from ..whole_project import MICROGRAPHS, MODEL, PARTICLES, SEGMENTATION, VOLUME, write_whole_project
from .pipeliner import FAILED, SUCCEEDED, Project, find

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.relion

PARTICLES_NODE, IMAGES_NODE, PDF_NODE = "3", "5", "13"
TINY = {"model": MODEL, "segmentation": SEGMENTATION, "steps": 1, "device": "cpu", "gate": "no"}


@pytest.fixture
def everything(tmp_path: Path) -> Project:
    """Give a project with micrographs, picks, particles and a volume."""
    write_whole_project(tmp_path, micrographs=2)
    return Project(tmp_path)


def add(project: Project, inputs: dict[str, str], labels: dict[str, object]) -> str:
    params: dict[str, object] = {}
    for index, (label, value) in enumerate(labels.items(), start=1):
        params |= {f"param{index}_label": label, f"param{index}_value": value}
    return project.add(
        "External", fn_exe=find("relion_iceblock"), nr_threads=1, in_part=PARTICLES, **inputs,
        **params,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("picks", [COORDINATES, SUFFIX])
def test_all_stages_and_classification(everything: Project, picks: str) -> None:
    inputs = {"in_mic": MICROGRAPHS, "in_coords": picks, "in_3dref": VOLUME}
    job = add(everything, inputs, TINY)
    assert everything.run(job) == SUCCEEDED, everything.errors(job)
    assert everything.nodes(job) == {
        f"{job}Denoised/particles.star": PARTICLES_NODE,
        f"{job}Noise/blocks.star": IMAGES_NODE,
        f"{job}logfile.pdf": PDF_NODE,
        f"{job}Trust/report.pdf": PDF_NODE,
    }
    classes = everything.add_class2d(f"{job}Denoised/particles.star", diameter=120, ctf=True)
    assert everything.run(classes) == SUCCEEDED, everything.errors(classes)


def test_particles_alone_then_continue(everything: Project) -> None:
    labels: dict[str, object] = {"model": MODEL, "device": "cpu", "gate": "no"}
    job = add(everything, {}, labels)
    assert everything.run(job) == SUCCEEDED, everything.errors(job)
    assert "No micrographs" in (everything.folder / job / "run.out").read_text()
    assert set(everything.nodes(job).values()) == {PARTICLES_NODE, PDF_NODE}
    stack = everything.folder / job / "Denoised/Particles/mic01.mrcs"
    inode = stack.stat().st_ino
    assert everything.run(job) == SUCCEEDED, everything.errors(job)
    assert stack.stat().st_ino == inode


def test_a_mistake_fails_with_a_sentence(everything: Project) -> None:
    job = add(everything, {"in_3dref": VOLUME}, {"particle_diametre": 100})
    assert everything.run(job) == FAILED
    assert "Did you mean `particle_diameter`?" in everything.errors(job)
    assert not everything.nodes(job)
