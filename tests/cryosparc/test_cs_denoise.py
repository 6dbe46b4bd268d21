"""`iceblock-cryosparc denoise`, the real client and the real denoiser, to the job's end."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from cryosparc.dataset import Dataset

from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run as denoise_offline

from .lab import Lab, Run

UNCHANGED = ("uid", "blob/shape", "blob/psize_A", "blob/sign")


def assert_same_fields(found: Dataset, expected: Dataset, fields: list[str]) -> None:
    for field in fields:
        np.testing.assert_array_equal(found[field], expected[field], field)


@pytest.fixture
def real_particles(lab: Lab, test_data: Path) -> Dataset:
    """Import real particles as J1, the way CryoSPARC links imported stacks."""
    source = test_data / "particles/empiar10076"
    data = Dataset.load(source / "empiar_10076_7.cs")
    data["blob/path"] = "J1/imported/000123_empiar_10076_7.mrc"
    lab.seed("imported_particles", data)
    link = lab.project / "J1/imported/000123_empiar_10076_7.mrc"
    link.parent.mkdir()
    link.symlink_to(source / "empiar_10076_7.mrc")
    return data


@pytest.mark.drawn
def test_real_particles(
    lab: Lab, real_particles: Dataset, denoise: Run, model: Path, test_data: Path, tmp_path: Path
) -> None:
    assert denoise() == 0
    job = lab.job("J2")
    assert (job.status, job.errors_run) == ("completed", [])
    assert job.parents == ["J1"]
    found = lab.load("J2", "denoised")
    assert_same_fields(
        found,
        real_particles,
        [*UNCHANGED, *(f for f in real_particles.fields() if f.startswith("ctf/"))],
    )
    assert set(found["blob/path"]) == {"J2/denoised/000123_empiar_10076_7.mrc"}
    assert found["blob/idx"].tolist() == list(range(7))
    results = {r.name: r.passthrough for r in job.spec.outputs.root["denoised"].results}
    assert results == {"blob": False, "ctf": True}

    stack = lab.project / "J2/denoised/000123_empiar_10076_7.mrc"
    assert mrcfile.validate(stack)
    with mrcfile.open(stack) as file:
        assert file.is_image_stack()
        assert file.voxel_size.x == pytest.approx(1.31, abs=1e-4)
        denoised = file.data.copy()

    # The same images by way of their STAR file.
    shutil.copy(test_data / "particles/empiar10076/empiar_10076_7.mrc", tmp_path)
    shutil.copy(test_data / "particles/empiar10076/empiar_10076_7.star", tmp_path)
    denoise_offline(
        DenoiseOptions(
            particles=tmp_path / "empiar_10076_7.star", out=tmp_path / "out", model=str(model),
            device="cpu", threads=1, pixel_size=1.31,
        )
    )  # fmt: skip
    by_star = mrcfile.read(tmp_path / "out/Particles/empiar_10076_7.mrcs")
    np.testing.assert_array_equal(denoised, by_star)
    if shutil.which("relion_image_handler"):
        assert_relion_reads(stack, tmp_path)


def assert_relion_reads(stack: Path, folder: Path) -> None:
    """Let RELION tell the size, the pixel size and the mean of each image."""
    shutil.copy(stack, folder / "a.mrcs")
    done = subprocess.run(
        ["relion_image_handler", "--i", "a.mrcs", "--stats"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.count("= 320 x 320 x 1 x 1") == 7
    assert done.stdout.count("angpix = 1.31") == 7
    told = [float(mean) for mean in re.findall(r"avg= (\S+)", done.stdout)]
    means = mrcfile.read(stack).mean(axis=(1, 2))
    assert told == pytest.approx(means.tolist(), abs=1e-5)


def test_names_order_gaps_and_a_second_run(two_stacks: Lab, denoise: Run) -> None:
    before = two_stacks.files("J1")
    assert denoise("--name", "clean", "--title", "my title", "--workspace", "W1") == 0
    given, found = two_stacks.load("J1", "extracted"), two_stacks.load("J2", "clean")
    assert_same_fields(found, given, [*UNCHANGED, "ctf/df1_A", "ctf/exp_group_id"])
    assert found["blob/path"].tolist() == [
        f"J2/denoised/mic{'' if path == 'J1/A/mic.mrc' else '_2'}.mrc"
        for path in given["blob/path"]
    ]
    assert found["blob/idx"].tolist() == [4, 0, 3, 1, 2, 0, 1, 3, 2]
    assert two_stacks.job("J2").title == "my title"
    assert two_stacks.files("J1") == before
    first = two_stacks.files("J2")
    stacks = {name: data for name, data in first.items() if name.endswith(".mrc")}
    assert set(stacks) == {"denoised/mic.mrc", "denoised/mic_2.mrc"}

    assert denoise() == 0  # a second run is a second job
    assert two_stacks.job("J3").status == "completed"
    assert two_stacks.files("J2") == first
    assert {n: d for n, d in two_stacks.files("J3").items() if n.endswith(".mrc")} == stacks


@pytest.mark.drawn
def test_what_the_job_shows(two_stacks: Lab, denoise: Run) -> None:
    assert denoise("--keep-noise", 0.25, "--dtype", "float16") == 0
    log, job = two_stacks.log("J2"), two_stacks.job("J2")
    for told in (
        "Input particles: J1.extracted, 9 items",
        "iceblock: 0.1.0",
        "Command: iceblock-cryosparc denoise --url",
        "Model: tiny, ",
        "Device: cpu",
        "dtype float16, keep-noise 0.25",
        "9/9",
        "Before and after",
    ):
        assert told in log
    assert log.count("denoising:") == 1  # in place
    pictures = two_stacks.server.world.assets
    assert job.ui_tile_images[0].fileid in pictures
    assert job.spec.outputs.root["denoised"].image in pictures
    assert all(data.startswith(b"\x89PNG") for _, data in pictures.values())
    assert mrcfile.read(two_stacks.project / "J2/denoised/mic.mrc").dtype == np.float16
    record = json.loads((two_stacks.project / "J2/iceblock/run.json").read_text())
    assert record["state"] == "finished"
    assert record["command"].startswith("iceblock-cryosparc denoise")


def test_confidences_come_as_scores(
    lab: Lab, real_particles: Dataset, denoise: Run, tmp_path: Path
) -> None:
    assert denoise("--confidence") == 0
    found = lab.load("J2", "denoised")
    own = np.load(lab.project / "J2/iceblock/particles.cs")
    np.testing.assert_array_equal(found["confidence/ncc_score"], own["iceblock/confidence"])
    assert len(set(found["confidence/ncc_score"].tolist())) == len(real_particles)
    assert_same_fields(found, real_particles, list(UNCHANGED))
