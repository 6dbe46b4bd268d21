"""What the particles of a job have in common: their CTFs are read, and nothing more is written."""

import json
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from cryosparc.dataset import Dataset

from core.sets.covariance.set_file import read_priors
from core.sets.covariance.set_prior import SetPrior

from .lab import Lab, Run, particles, write_stack

N, BOX = 120, 32
STACKS = ["J1/extract/a.mrc", "J1/extract/b.mrc"]


@pytest.fixture
def alike(lab: Lab) -> Dataset[Any]:
    """Black particles of one shape in four turns, of several defoci, in two stacks; not seeded."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    lobe = 3 * np.exp(-((y - 4) ** 2 + x**2) / 8)
    for seed, path in enumerate(STACKS):
        noise = write_stack(lab.project / path, N // 2, BOX, seed)
        shape = [np.rot90(lobe, k) for k in rng.integers(4, size=N // 2)]
        with mrcfile.open(lab.project / path, "r+") as file:
            file.data[:] = noise - np.stack(shape)
    order = rng.permutation(N)
    data = particles([STACKS[k] for k in order % 2], (order // 2).tolist(), BOX)
    data["ctf/df1_A"] = data["ctf/df2_A"] = 8_000 + 100 * np.arange(N)
    return data


def slots_read(lab: Lab, uid: str) -> list[str]:
    return [slot.name for slot in lab.job(uid).spec.inputs.root["particles"].slots]


def learned(lab: Lab, uid: str) -> SetPrior | None:
    priors = list(read_priors(lab.project / uid / "iceblock/set.safetensors").values())
    sets = json.loads((lab.project / uid / "iceblock/run.json").read_text())["sets"]
    assert len(sets) == len(priors)
    return priors[0] if priors else None


def test_ctfs_are_read_and_blobs_written(lab: Lab, alike: Dataset[Any], denoise: Run) -> None:
    lab.seed("extracted", alike)
    before = lab.files("J1")
    assert denoise() == 0
    assert slots_read(lab, "J2") == ["blob", "ctf"]
    output = lab.job("J2").spec.outputs.root["denoised"]
    assert [slot.name for slot in output.slots] == ["blob"]
    assert {r.name: r.passthrough for r in output.results} == {"blob": False, "ctf": True}
    found = lab.load("J2", "denoised")
    for field in alike.fields():
        if field not in ("blob/path", "blob/idx", "blob/import_sig"):
            np.testing.assert_array_equal(found[field], alike[field], field)
    assert lab.files("J1") == before
    prior = learned(lab, "J2")
    assert prior is not None
    assert len(prior.transfers) > 1
    assert "What the particles have in common" in lab.log("J2")


def test_each_alone_and_without_ctfs(lab: Lab, alike: Dataset[Any], denoise: Run) -> None:
    lab.seed("extracted", alike)
    assert denoise("--each-alone") == 0
    assert slots_read(lab, "J2") == ["blob"]
    assert not (lab.project / "J2/iceblock/set.safetensors").exists()
    assert "What the particles have in common" not in lab.log("J2")
    assert "each-alone" in lab.log("J2")
    lab.seed("imported", alike.filter_prefixes(["blob"]))
    assert denoise("--particles", "J3") == 0
    assert slots_read(lab, "J4") == ["blob"]
    prior = learned(lab, "J4")
    assert prior is not None
    assert len(prior.transfers) == 1
    alone, together = (mrcfile.read(lab.project / f"{job}/denoised/a.mrc") for job in ("J2", "J4"))
    assert not np.array_equal(alone, together)


def test_a_volume_and_templates_are_fetched(
    lab: Lab, alike: Dataset[Any], denoise: Run, tmp_path: Path
) -> None:
    """The particles of other jobs' volume and templates; the project is not visible here."""
    lab.seed("extracted", alike)
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    lobe = 3 * np.exp(-((y - 4) ** 2 + x**2) / 8)
    density = np.exp(-(np.square(np.mgrid[:BOX, :BOX, :BOX] - BOX // 2).sum(0)) / 30)
    for path, data in (("J2/map.mrc", density), ("J3/averages.mrc", np.stack([lobe, 0 * lobe]))):
        (lab.project / path).parent.mkdir(exist_ok=True)
        with mrcfile.new(lab.project / path) as file:
            file.set_data(data.astype(np.float32))
            file.voxel_size = 4.0
    volume = Dataset.allocate(1, [("map/path", "O"), ("map/shape", "u4", (3,))])
    volume["map/path"] = ["J2/map.mrc"]
    lab.seed("volume", volume, kind="volume", dtypes={"map": "volume_blob"})
    shapes = particles(["J3/averages.mrc"] * 2, [0, 1], BOX).filter_prefixes(["blob"])
    lab.seed("templates_selected", shapes, kind="template", dtypes={"blob": "template_blob"})
    lab.server.world.hidden = True
    assert denoise("--volume", "J2", "--classes", "J3", "--scratch", tmp_path) == 0
    job = lab.job("J4")
    assert (job.status, job.parents) == ("completed", ["J1", "J2", "J3"])
    record = json.loads((lab.project / "J4/iceblock/run.json").read_text())
    assert list(map(len, (record["identity"]["volumes"], record["identity"]["classes"]))) == [1, 2]
    assert "classes of classes.cs" in record["sets"][0]["shares"]
    assert denoise("--volume", "J2", "--each-alone") == 1
    assert ("P1", "J5") not in lab.server.world.jobs
