"""`relion_iceblock_classify` as a job of the real RELION, and its classes in RELION's programs."""

import subprocess

import mrcfile
import numpy as np
import pytest
import torch

from core.runs.classify.options import ClassifyOptions
from core.runs.classify.run import run

from ..sets.glyph_set import write_set
from ..sets.glyphs import BOX, scenes
from .pipeliner import SUCCEEDED, Project
from .simulated_project import PARTICLES

pytestmark = pytest.mark.relion


def test_classes_of_a_job_are_classified_again(project: Project) -> None:
    labels = {"classes": 2, "iterations": 5, "particle_diameter": 160}
    job = project.add_external("relion_iceblock_classify", PARTICLES, **labels)
    assert project.run(job) == SUCCEEDED, project.errors(job)
    assert project.nodes(job) == {
        f"{job}particles.star": "3",
        f"{job}run_it005_model.star": "8",
        f"{job}run_it005_optimiser.star": "9",
        f"{job}logfile.pdf": "13",
    }
    again = project.add_class2d(f"{job}run_it005_data.star", diameter=160, ctf=True)
    assert project.run(again) == SUCCEEDED, project.errors(again)


def test_relion_lays_images_on_their_average(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """relion_stack_create turns and moves every image; their mean is the class average."""
    monkeypatch.chdir(project.folder)
    images, which, _, _ = scenes(300, 0.7, seed=1)
    star = write_set(project.folder, images[torch.from_numpy(which == 0)])
    out = project.folder / "Classes"
    run(ClassifyOptions(star, out, classes=1, particle_diameter=150, iterations=10, threads=1))
    command = ["relion_stack_create", "--i", "Classes/particles.star", "--o", "turned"]
    subprocess.run([*command, "--apply_transformation"], check=True, capture_output=True)
    mean = mrcfile.read(project.folder / "turned.mrcs").mean(axis=0)
    average = mrcfile.read(out / "classes.mrcs").reshape(-1, BOX, BOX)[0]
    inside = np.hypot(*(np.mgrid[:BOX, :BOX] - BOX // 2)) < 16
    assert np.corrcoef(mean[inside], average[inside])[0, 1] > 0.97
