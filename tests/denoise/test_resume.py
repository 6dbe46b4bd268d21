"""A stopped or killed run goes on as if nothing had happened."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.denoise.paper.losses import LossSettings
from core.errors import IceblockError
from core.simulate.pairs import PairGenerator

from ..gate import PATIENCE
from .tiny_training import GAN, Stop, StopAt, curve, make, same_weights, tiny_pairs
from .train_in_process import train

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def pairs() -> PairGenerator:
    return tiny_pairs()


def start(folder: Path, loss: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, HERE / "train_in_process.py", folder, loss, "24", "1"],
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_is_the_undisturbed_run(tmp_path: Path) -> None:
    killed = start(tmp_path / "killed", "gan")
    assert killed.stdout is not None
    for line in killed.stdout:
        if int(line) >= 13:
            killed.send_signal(signal.SIGKILL)
            break
    killed.stdout.close()
    assert killed.wait() == -signal.SIGKILL
    last = start(tmp_path / "killed", "gan")
    last.communicate(timeout=PATIENCE)
    assert last.returncode == 0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train(str(tmp_path / "whole"), "gan", steps=24, parts=1)
    torch.set_num_threads(threads)
    one, other = (torch.load(tmp_path / name / "rank0.pt") for name in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    scores = ("score",)  # of the stand-in, which counts its own calls
    rows = [
        [{k: v for k, v in row.items() if k not in scores} for row in curve(tmp_path / name)]
        for name in ("whole", "killed")
    ]
    assert rows[0] == rows[1]
    assert int(rows[0][-1]["step"]) == 24


@pytest.mark.parametrize("loss", [None, GAN])
def test_a_stopped_run_is_saved_where_it_stopped(
    pairs: PairGenerator, tmp_path: Path, loss: LossSettings | None
) -> None:
    whole = make(pairs, tmp_path / "whole", loss).run()
    with pytest.raises(Stop):
        make(pairs, tmp_path / "stopped", loss).run(StopAt(7))
    resumed = make(pairs, tmp_path / "stopped", loss)
    assert resumed.step == 7
    assert same_weights(resumed.run(), whole)
    assert curve(tmp_path / "stopped") == curve(tmp_path / "whole")


def test_a_finished_run_is_not_trained_again(pairs: PairGenerator, tmp_path: Path) -> None:
    first = make(pairs, tmp_path).run()
    rows = curve(tmp_path)
    again = make(pairs, tmp_path)
    assert again.over
    assert same_weights(again.run(StopAt(13)), first)
    assert curve(tmp_path) == rows


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"learning_rate": 1e-3}, "learning rate 0.003 and now it is 0.001"),
        ({"steps": 20}, "steps 12 and now it is 20"),
        ({"seconds": 60.0}, "seconds not set and now it is 60.0"),
        ({"boxes": (40,)}, r"boxes \[32\] and now it is \[40\]"),
        ({"seed": 4}, "seed 0 and now it is 4"),
    ],
)
def test_other_settings_are_refused_by_name(
    pairs: PairGenerator, tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(Stop):
        make(pairs, tmp_path).run(StopAt(2))
    with pytest.raises(IceblockError, match=rf"checkpoint\.safetensors was made with {says}"):
        make(pairs, tmp_path, **changes)
    assert make(pairs, tmp_path, checkpoint_seconds=9.0).step == 2  # changes nothing


def test_another_loss_is_refused_by_name(pairs: PairGenerator, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        make(pairs, tmp_path, GAN).run(StopAt(2))
    with pytest.raises(IceblockError, match=r"with loss adversarial 1\.0 and now it is 0\.5"):
        make(pairs, tmp_path, replace(GAN, adversarial=0.5))
    with pytest.raises(IceblockError, match=r"loss pixel l1 and now it is mse"):
        make(pairs, tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, None])
def test_a_file_that_is_no_checkpoint_is_named(
    pairs: PairGenerator, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    if content is None:
        save_file({"a": torch.zeros(2)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(IceblockError, match=r"checkpoint\.safetensors is no checkpoint"):
        make(pairs, tmp_path)


def test_rows_that_a_killed_run_wrote_after_its_checkpoint_go(
    pairs: PairGenerator, tmp_path: Path
) -> None:
    make(pairs, tmp_path / "whole").run()
    with pytest.raises(Stop):
        make(pairs, tmp_path / "cut").run(StopAt(5))
    path = tmp_path / "cut" / "metrics.csv"
    row = path.read_text().splitlines()[-1].split(",")
    path.write_text(path.read_text() + ",".join(["6", *row[1:]]) + "\n8,0.1")
    make(pairs, tmp_path / "cut").run()
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
