"""`iceblock-cryosparc train`: noise, a volume and particles of CryoSPARC in, a model out."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from cryosparc.dataset import Dataset

from core.denoise.model_file import load_model
from core.noise.bank import OpticsGroup
from core.noise.bank_table import BankPart, write_bank

from .lab import Lab, Run, particles

BOX, PIXEL_SIZE = 40, 4.0


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """Add J1.noise_blocks, J2.volume and J3.extracted, whose images are not there."""
    rng = np.random.default_rng(0)
    parts = [
        BankPart.of_micrograph(
            f"J9/mic{k}.mrc",
            rng.standard_normal((40, BOX, BOX)).astype(np.float32),
            rng.uniform(50, 900, (40, 2)),
            np.zeros(40),
            np.ones(40),
        )
        for k in range(5)
    ]
    folder = lab.project / "J1/noise"
    write_bank(folder, parts, 200, BOX, [OpticsGroup(PIXEL_SIZE)])
    blocks = particles(["J1/noise/blocks.mrcs"] * 200, list(range(200)), BOX)
    lab.seed("noise_blocks", blocks.filter_prefixes(["blob"]))

    z, y, x = np.mgrid[-16:16, -16:16, -16:16]
    density = np.exp(-(z**2 / 60 + y**2 / 30 + (x - 2) ** 2 / 20)).astype(np.float32)
    path = lab.project / "J2/J2_volume_map.mrc"
    path.parent.mkdir()
    with mrcfile.new(path) as file:
        file.set_data(density)
        file.voxel_size = PIXEL_SIZE
    volume = Dataset.allocate(
        1, [("map/path", "O"), ("map/shape", "u4", (3,)), ("map/psize_A", "f4")]
    )
    volume["map/path"], volume["map/psize_A"] = ["J2/J2_volume_map.mrc"], PIXEL_SIZE
    volume["map/shape"] = [[32, 32, 32]]
    lab.seed("volume", volume, kind="volume", dtypes={"map": "volume_blob"})

    found = particles(["J3/extract/mic.mrc"] * 20, list(range(20)), BOX)
    found["ctf/df1_A"] = found["ctf/df2_A"] = np.linspace(9_000, 21_000, 20)
    lab.seed("extracted", found)
    return lab


@pytest.fixture
def train(ready: Lab, model: Path, iceblock_cryosparc: Run) -> Run:
    def call(*more: object) -> int:
        common = ("--from", model, "--steps", 2, "--batch-size", 4, "--device", "cpu")
        return iceblock_cryosparc(*ready.arguments("train", *common, "--threads", 1, *more))

    return call


@pytest.mark.drawn
def test_a_model_in_the_job_directory(ready: Lab, train: Run) -> None:
    before = {uid: ready.files(uid) for uid in ("J1", "J2", "J3")}
    assert train("--noise", "J1", "--volume", "J2", "--particles", "J3.extracted") == 0
    job = ready.job("J4")
    assert (job.status, job.parents) == ("completed", ["J1", "J2", "J3"])
    assert {uid: ready.files(uid) for uid in before} == before
    made = load_model(ready.project / "J4/model/model.safetensors")
    assert made.card.name == "P1-J4"
    low, high = made.card.defocus_range
    assert 8_500 < low < 9_500
    assert 20_500 < high < 21_500
    assert {"report.pdf", "run.json"} <= {path.name for path in ready.project.glob("J4/model/*")}
    log = ready.log("J4")
    assert "Curves" in log
    assert "The model: J4/model/model.safetensors in the project directory" in log
    assert job.ui_tile_images[0].fileid in ready.server.world.assets


def test_far_away_with_a_volume_of_ones_own(ready: Lab, train: Run) -> None:
    ready.server.world.hidden = True
    volume = ready.project / "J2/J2_volume_map.mrc"
    assert train("--noise", "J1", "--volume", volume, "--name", "mine") == 0
    assert ready.job("J4").parents == ["J1"]
    assert load_model(ready.project / "J4/model/model.safetensors").card.name == "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--noise", "J1"], "--volume"),
        (["--noise", "J1", "--volume", "J3"], "does not have one volume output but none"),
        (["--noise", "J2", "--volume", "J2"], "does not have one particle output but none"),
        (["--noise", "J1", "--volume", "J2", "--time-limit", "soon"], "'soon' is no length"),
    ],
)
def test_mistakes_make_no_job(
    ready: Lab, train: Run, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(*arguments) == 1
    assert told in capsys.readouterr().err
    assert ("P1", "J4") not in ready.server.world.jobs


def test_a_volume_without_its_file(ready: Lab, train: Run) -> None:
    (ready.project / "J2/J2_volume_map.mrc").unlink()
    assert train("--noise", "J1", "--volume", "J2") == 1
    assert ready.job("J4").status == "failed"
    assert "The input J2/J2_volume_map.mrc is not at" in ready.log("J4")
