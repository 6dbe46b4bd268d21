"""`relion_iceblock_select` as a job of the real RELION, and its scores in RELION's programs."""

import subprocess

import pytest
import starfile

from .pipeliner import SUCCEEDED, Project
from .simulated_project import PARTICLES

pytestmark = pytest.mark.relion


def test_a_selection_goes_on_in_relion(project: Project) -> None:
    job = project.add_external(
        "relion_iceblock_select", PARTICLES, keep="75%", particle_diameter=160
    )
    assert project.run(job) == SUCCEEDED, project.errors(job)
    assert project.nodes(job) == {f"{job}particles.star": "3", f"{job}logfile.pdf": "13"}
    kept = starfile.read(project.folder / job / "particles.star")["particles"]
    assert len(kept) == 90
    limit = float(kept["rlnParticleFigureOfMerit"].median())
    subprocess.run(
        ["relion_star_handler", "--i", f"{job}particles.star", "--o", "best.star",
         "--select", "rlnParticleFigureOfMerit", "--minval", str(limit)],
        cwd=project.folder, check=True, capture_output=True,
    )  # fmt: skip
    best = starfile.read(project.folder / "best.star")["particles"]
    assert len(best) == (kept["rlnParticleFigureOfMerit"] >= limit).sum()
    again = project.add_class2d(f"{job}particles.star", diameter=160, ctf=True)
    assert project.run(again) == SUCCEEDED, project.errors(again)
