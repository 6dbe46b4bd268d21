"""`iceblock-cryosparc select`: particles of CryoSPARC in, kept and rejected ones out."""

import mrcfile
import numpy as np
import pytest

from ..sets.glyphs import BOX, PIXEL_SIZE, scenes
from .lab import Lab, Run, particles


@pytest.fixture
def some(lab: Lab) -> Lab:
    """Add J1.extracted: 80 dark particles without a CTF."""
    images = scenes(80, 0.8, seed=0)[0]
    path = lab.project / "J1/extract/mic.mrc"
    path.parent.mkdir(parents=True)
    mrcfile.write(path, -images.numpy())
    data = particles(["J1/extract/mic.mrc"] * 80, list(range(80)), box=BOX)
    data["blob/psize_A"] = PIXEL_SIZE
    data.drop_fields([field for field in data.fields() if field.startswith("ctf/")])
    lab.seed("extracted", data)
    return lab


@pytest.mark.drawn
def test_two_outputs_with_scores(some: Lab, iceblock_cryosparc: Run) -> None:
    common = ("--particles", "J1", "--keep", "75%", "--particle-diameter", 150, "--threads", 1)
    assert iceblock_cryosparc(*some.arguments("select", *common)) == 0
    job = some.job("J2")
    assert (job.status, job.parents) == ("completed", ["J1"])
    kept, rejected = some.load("J2", "particles"), some.load("J2", "rejected")
    assert (len(kept), len(rejected)) == (60, 20)
    assert not set(kept["uid"]) & set(rejected["uid"])
    assert kept["selection/ncc_score"].min() >= rejected["selection/ncc_score"].max()
    assert set(kept["blob/path"]) == {"J1/extract/mic.mrc"}
    assert np.isfinite(kept["selection/ncc_score"]).all()
    assert (some.project / "J2/selection/report.pdf").exists()


def test_a_mistake_makes_no_job(some: Lab, iceblock_cryosparc: Run) -> None:
    arguments = some.arguments("select", "--particles", "J1", "--keep", "2", "--min-score", 0.5)
    assert iceblock_cryosparc(*arguments) == 1
