"""`iceblock-cryosparc denoise-micrographs`: exposures in, exposures with denoised blobs out."""

import mrcfile
import numpy as np
import pytest

from .lab import Lab, Run
from .test_cs_noise import SHAPE, picked

__all__ = ["picked"]


@pytest.mark.drawn
def test_denoised_and_raw(picked: Lab, iceblock_cryosparc: Run) -> None:
    given = ("--exposures", "J1.exposures", "--particle-diameter", 60, "--threads", 1)
    assert iceblock_cryosparc(*picked.arguments("denoise-micrographs", *given)) == 0
    job = picked.job("J3")
    assert (job.status, job.parents) == ("completed", ["J1"])
    made = picked.load("J3", "exposures")
    assert made["uid"].tolist() == [11, 22]
    assert made["raw_micrograph_blob/path"].tolist() == [
        f"J1/motioncorrected/{k}_mic.mrc" for k in range(2)
    ]
    for path in made["micrograph_blob/path"]:
        assert path.startswith("J3/denoised/Micrographs/")
        with mrcfile.open(picked.project / path) as file:
            assert file.data.shape == SHAPE
            assert np.isfinite(file.data).all()
    assert made["micrograph_blob/shape"].tolist() == [list(SHAPE)] * 2
    assert (picked.project / "J3/denoised/report.pdf").exists()
