"""`iceblock-cryosparc classify`: particles of CryoSPARC in, classes and templates out."""

import mrcfile
import numpy as np
import pytest

from ..sets.glyphs import BOX, PIXEL_SIZE, scenes
from .lab import Lab, Run, particles


@pytest.fixture
def glyphs(lab: Lab) -> np.ndarray:
    """Add J1.extracted: 120 dark particles of three views without a CTF; give their views."""
    images, which, _, _ = scenes(120, 0.7, seed=0)
    path = lab.project / "J1/extract/mic.mrc"
    path.parent.mkdir(parents=True)
    mrcfile.write(path, -images.numpy())
    data = particles(["J1/extract/mic.mrc"] * 120, list(range(120)), box=BOX)
    data["blob/psize_A"] = PIXEL_SIZE
    data.drop_fields([field for field in data.fields() if field.startswith("ctf/")])
    lab.seed("extracted", data)
    return which


@pytest.mark.drawn
def test_particles_get_classes_and_templates(
    lab: Lab, glyphs: np.ndarray, iceblock_cryosparc: Run
) -> None:
    before = lab.files("J1")
    common = ("--particles", "J1", "--classes", 3, "--particle-diameter", 150, "--threads", 1)
    assert iceblock_cryosparc(*lab.arguments("classify", *common, "--iterations", 10)) == 0
    job = lab.job("J2")
    assert (job.status, job.parents) == ("completed", ["J1"])
    assert lab.files("J1") == before
    found = lab.load("J2", "particles")
    assert set(found["blob/path"]) == {"J1/extract/mic.mrc"}
    classes = found["alignments2D/class"]
    pure = sum(np.bincount(glyphs[classes == k]).max() for k in np.unique(classes)) / 120
    assert pure > 0.8
    results = {r.name: r.passthrough for r in job.spec.outputs.root["particles"].results}
    assert results == {"alignments2D": False, "blob": True}
    templates = lab.load("J2", "class_averages")
    assert templates["blob/idx"].tolist() == [0, 1, 2]
    assert set(templates["blob/path"]) == {"J2/classes/classes.mrcs"}
    averages = mrcfile.read(lab.project / "J2/classes/classes.mrcs")
    assert averages[:3].reshape(3, -1).std(axis=1).min() > 0
    assert templates["blob/shape"][0].tolist() == list(averages.shape[1:])
    assert (lab.project / "J2/classes/report.pdf").exists()


def test_more_classes_than_particles(lab: Lab, glyphs: np.ndarray, iceblock_cryosparc: Run) -> None:
    assert (
        iceblock_cryosparc(*lab.arguments("classify", "--particles", "J1", "--classes", 121)) == 1
    )
    assert lab.job("J2").status == "failed"
    assert "too few for 121 classes" in lab.log("J2")
