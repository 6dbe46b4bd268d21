"""`iceblock-cryosparc noise`: exposures and picks of CryoSPARC in, a noise bank out."""

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import torch
from cryosparc.dataset import Dataset
from scipy.ndimage import gaussian_filter

from core.noise.bank import NoiseBank
from core.segment.model_file import SegmentationCard, save_model
from core.segment.network import NetworkConfig, SegmentationNet

from .lab import Lab, Run

SHAPE, DIAMETER, PIXEL_SIZE = (330, 420), 30, 2.0
"""Pixels, pixels, Å."""


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model that takes all for ice, so that only the picks say where particles are."""
    network = SegmentationNet(NetworkConfig(widths=(4, 4)))
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.copy_(torch.tensor([9.0, 0.0, 0.0]))
    path = tmp_path_factory.mktemp("segmenter") / "ice.safetensors"
    save_model(path, network, SegmentationCard("ice"))
    return path


def micrograph(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make ice with dark discs in its upper half; give also their centres."""
    rng = np.random.default_rng(seed)
    pixels = rng.standard_normal(SHAPE) + 2 * gaussian_filter(rng.standard_normal(SHAPE), 1.5)
    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centres = np.array([(y, x) for y in (45, 105) for x in range(45, 400, 55)], dtype=float)
    centres += rng.uniform(-6, 6, centres.shape)
    for y, x in centres:
        pixels -= 1.5 * (np.hypot(yy - y, xx - x) < DIAMETER / 2)
    return (pixels + 50).astype(np.float32), centres


def blank(n: int, fields: dict[str, Any]) -> Dataset[Any]:
    data = Dataset.allocate(n, [(name, *kind) for name, (*kind, _) in fields.items()])
    for name, (*_, values) in fields.items():
        data[name] = values
    return data


@pytest.fixture
def picked(lab: Lab) -> Lab:
    """Add J1.exposures and J2.picks."""
    paths = [f"J1/motioncorrected/{k}_mic.mrc" for k in range(2)]
    found = []
    for k, path in enumerate(paths):
        pixels, centres = micrograph(k)
        (lab.project / path).parent.mkdir(parents=True, exist_ok=True)
        mrcfile.write(lab.project / path, pixels)
        found.append(centres / SHAPE)
    exposures = blank(
        2,
        {
            "micrograph_blob/path": ("O", paths),
            "micrograph_blob/shape": ("u4", (2,), [SHAPE] * 2),
            "micrograph_blob/psize_A": ("f4", PIXEL_SIZE),
            "mscope_params/accel_kv": ("f4", 200.0),
            "mscope_params/exp_group_id": ("u4", 3),
        },
    )
    exposures["uid"] = [11, 22]
    lab.seed("exposures", exposures, kind="exposure")
    counts = [len(one) for one in found]
    fractions = np.concatenate(found)
    picks = blank(
        sum(counts),
        {
            "location/micrograph_uid": ("u8", np.repeat([11, 22], counts)),
            "location/exp_group_id": ("u4", 3),
            "location/micrograph_path": ("O", list(np.repeat(paths, counts))),
            "location/micrograph_shape": ("u4", (2,), [SHAPE] * sum(counts)),
            "location/center_x_frac": ("f4", fractions[:, 1]),
            "location/center_y_frac": ("f4", fractions[:, 0]),
        },
    )
    lab.seed("picks", picks)
    return lab


@pytest.fixture
def noise(picked: Lab, segmenter: Path, iceblock_cryosparc: Run) -> Run:
    def call(*more: object) -> int:
        common = ("--exposures", "J1", "--model", segmenter, "--threads", 1)
        return iceblock_cryosparc(
            *picked.arguments("noise", *common, "--particle-diameter", DIAMETER * PIXEL_SIZE, *more)
        )

    return call


def least_distances(blocks: Dataset[Any]) -> np.ndarray:
    """Give the distance in pixels of each block from the nearest particle."""
    distances = []
    for k, uid in enumerate((11, 22)):
        _, centres = micrograph(k)
        rows = blocks["location/micrograph_uid"] == uid
        y = blocks["location/center_y_frac"][rows] * SHAPE[0]
        x = blocks["location/center_x_frac"][rows] * SHAPE[1]
        gaps = np.hypot(y[:, None] - centres[:, 0], x[:, None] - centres[:, 1])
        distances += gaps.min(axis=1).tolist()
    return np.array(distances)


@pytest.mark.drawn
def test_blocks_lie_between_the_particles(picked: Lab, noise: Run) -> None:
    before = {uid: picked.files(uid) for uid in ("J1", "J2")}
    assert noise("--particles", "J2", "--box", 48) == 0
    job = picked.job("J3")
    assert (job.status, job.parents) == ("completed", ["J1", "J2"])
    assert "mirrored" not in picked.log("J3")
    assert {uid: picked.files(uid) for uid in before} == before

    bank = NoiseBank.read(picked.project / "J3/noise")
    blocks = picked.load("J3", "noise_blocks")
    assert len(blocks) == bank.n > 10
    assert (bank.box, bank.pixel_size) == (48, PIXEL_SIZE)
    assert bank.optics[0].voltage == 200
    assert set(blocks["blob/path"]) == {"J3/noise/blocks.mrcs"}
    assert set(blocks["location/exp_group_id"]) == {3}
    for row in range(len(blocks)):
        y = blocks["location/center_y_frac"][row] * SHAPE[0]
        x = blocks["location/center_x_frac"][row] * SHAPE[1]
        place = int(blocks["blob/idx"][row])
        found = bank.table.iloc[int(np.flatnonzero(bank.indices == place)[0])]
        assert (y, x) == pytest.approx((found["y"], found["x"]), abs=1e-3)
    assert least_distances(blocks).min() > DIAMETER / 2


def test_upside_down_and_far_away(picked: Lab, noise: Run) -> None:
    picked.server.world.hidden = True
    assert noise("--particles", "J2", "--box", 48, "--flip-y") == 0
    assert picked.job("J3").status == "completed"
    log = picked.log("J3")
    assert "warning: The picks look mirrored" in log
    assert "(--flip-y is on)" in log
    blocks = picked.load("J3", "noise_blocks")
    bank = NoiseBank.read(picked.project / "J3/noise")
    rows = 1 - blocks["location/center_y_frac"][np.argsort(blocks["blob/idx"])]
    assert rows * SHAPE[0] == pytest.approx(bank.table["y"].to_numpy(), abs=1e-3)


def test_no_room_for_a_block(picked: Lab, noise: Run) -> None:
    assert noise("--particles", "J2", "--box", 300, "--margin", 2000) == 1
    assert picked.job("J3").status == "failed"
    assert "noise_blocks.cs" not in picked.files("J3")


def test_smaller_blocks_where_there_is_no_room(picked: Lab, noise: Run) -> None:
    assert noise("--particles", "J2", "--box", 300) == 0
    job = picked.job("J3")
    assert job.status == "completed"
    bank = NoiseBank.read(picked.project / "J3/noise")
    assert bank.box < 300
    assert f"blocks of {bank.box} pixels are cut instead" in picked.log("J3")
    shapes = picked.load("J3", "noise_blocks")["blob/shape"]
    assert set(shapes.ravel()) == {bank.box}


def test_missing_micrograph(picked: Lab, noise: Run) -> None:
    (picked.project / "J1/motioncorrected/1_mic.mrc").unlink()
    assert noise("--particles", "J2", "--box", 48) == 1
    assert picked.job("J3").status == "failed"
    assert "The input J1/motioncorrected/1_mic.mrc is not at" in picked.log("J3")


def test_the_box_of_picks_is_not_known(
    picked: Lab, noise: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert noise("--particles", "J2") == 1
    assert "give --box" in capsys.readouterr().err
    assert ("P1", "J3") not in picked.server.world.jobs
