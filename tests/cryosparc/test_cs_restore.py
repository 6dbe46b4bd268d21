"""`iceblock-cryosparc restore`: the way back, through selections and classes."""

from typing import Any

import numpy as np
import pytest
from cryosparc.dataset import Dataset

from cryosparc_ext.connection import Connection
from cryosparc_ext.denoise import STACKS
from cryosparc_ext.job import Job
from cryosparc_ext.sources import find_source

from .lab import PROJECT, Lab, Run, particles


def select(lab: Lab, uid: str, output: str, rows: list[int]) -> Dataset[Any]:
    """Add a job of CryoSPARC that selects and aligns some particles."""
    data = lab.load(uid, output).take(rows)
    data.add_fields([("alignments2D/class", "u4")])
    data["alignments2D/class"] = np.arange(len(rows)) % 3
    lab.seed("particles_selected", data)
    return data


def denoised_job(lab: Lab, source: str) -> str:
    """Make a job that says it denoised `source`, as the denoising job does; gives its name."""
    with Connection(lab.server.url) as line:
        found = find_source(line, PROJECT, source, "particle", ["blob"])
        with Job(line, PROJECT, "W1", "denoise", "") as job:
            job.connect("particles", found, ["blob"])
            job.declare("denoised", "particle", ["blob"], "particles", "Denoised")
            job.start({})
            data = job.load("particles", ["blob"])
            data["blob/path"] = f"{job.uid}/{STACKS}/mic.mrc"
            data["blob/idx"] = np.arange(len(data))
            job.save("denoised", data)
        return job.uid


@pytest.fixture
def denoised(two_stacks: Lab) -> Lab:
    """Give J1.extracted, J2.denoised and J3.particles_selected of it."""
    denoised_job(two_stacks, "J1")
    select(two_stacks, "J2", "denoised", [7, 2, 5, 0])
    return two_stacks


def test_originals_are_found_by_the_images(denoised: Lab, iceblock_cryosparc: Run) -> None:
    before = {uid: denoised.files(uid) for uid in ("J1", "J2", "J3")}
    assert iceblock_cryosparc(*denoised.arguments("restore", "--selection", "J3")) == 0
    job, found = denoised.job("J4"), denoised.load("J4", "restored")
    assert (job.status, job.parents) == ("completed", ["J1", "J3"])
    given = denoised.load("J1", "extracted").take([7, 2, 5, 0])
    for field in given.fields():
        np.testing.assert_array_equal(found[field], given[field], field)
    assert found["alignments2D/class"].tolist() == [0, 1, 2, 0]
    assert {uid: denoised.files(uid) for uid in before} == before


def test_originals_that_are_named(denoised: Lab, iceblock_cryosparc: Run) -> None:
    arguments = ["--selection", "J3", "--originals", "J1.extracted", "--name", "raw"]
    assert iceblock_cryosparc(*denoised.arguments("restore", *arguments)) == 0
    assert denoised.load("J4", "raw")["blob/path"].tolist() == [
        "J1/A/mic.mrc", "J1/B/mic.mrc", "J1/B/mic.mrc", "J1/A/mic.mrc",
    ]  # fmt: skip


def test_particles_that_the_originals_lack(denoised: Lab, iceblock_cryosparc: Run) -> None:
    select(denoised, "J1", "extracted", [0, 1, 2])
    arguments = ["--selection", "J3", "--originals", "J4"]
    assert iceblock_cryosparc(*denoised.arguments("restore", *arguments)) == 1
    assert denoised.job("J5").status == "failed"
    log = denoised.log("J5")
    assert "J4 does not have 2 of the 4 particles of J3.particles_selected; the first is" in log
    assert "restored.cs" not in denoised.files("J5")


def test_images_that_iceblock_did_not_make(
    denoised: Lab, iceblock_cryosparc: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    denoised.seed("others", particles(["J9/extract/mic.mrc"], [0]))
    assert iceblock_cryosparc(*denoised.arguments("restore", "--selection", "J4")) == 1
    assert "J4.others has images that no job of iceblock made" in capsys.readouterr().err
    assert ("P1", "J5") not in denoised.server.world.jobs


def test_two_denoised_sets_in_one_selection(
    lab: Lab, denoised: Lab, iceblock_cryosparc: Run
) -> None:
    more = denoised.load("J1", "extracted")
    more["uid"] = np.arange(9) + 50
    lab.seed("more", more)
    assert denoised_job(lab, "J4") == "J5"
    both = Dataset.append(
        lab.load("J2", "denoised").take([3]), lab.load("J5", "denoised").take([4])
    )
    lab.seed("both", both)
    assert iceblock_cryosparc(*lab.arguments("restore", "--selection", "J6")) == 0
    found = lab.load("J7", "restored")
    assert lab.job("J7").parents == ["J1", "J4", "J6"]
    assert found["uid"].tolist() == both["uid"].tolist()
    assert found["blob/path"].tolist() == ["J1/B/mic.mrc", "J1/B/mic.mrc"]
    assert found["blob/idx"].tolist() == [1, 3]
