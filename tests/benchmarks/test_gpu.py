"""What waits for a GPU, done without one in tiny sizes."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from benchmarks.gpu import pieces
from benchmarks.gpu.__main__ import STEPS, main
from core.denoise.model_file import load_model
from core.denoise.training.trainer import CHECKPOINT


def call(work: Path, *further: str) -> str:
    told = ["run", "--tiny", "--device", "cpu", "--minutes", "60", "--work", str(work), *further]
    result = CliRunner().invoke(main, told, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_all_steps_and_what_they_leave(tmp_path: Path) -> None:
    said = call(tmp_path)
    out = tmp_path / "out"
    assert all(check["figure"] <= check["bar"] for check in read(out / "agreement.json"))
    assert all(rate > 0 for rates in read(out / "speed.json").values() for rate in rates.values())
    trained = read(out / "training.json")
    assert trained["over"]
    assert trained["images"] > 0
    assert len(read(out / "score.json")) == 6
    assert len(read(out / "ablation.json")) == 2
    assert load_model(out / "model.safetensors").generator.config.reads_ctf
    left = list(out.iterdir())
    assert len(left) <= 8
    assert all(path.stat().st_size < 16 << 20 for path in left)
    assert "FAILED" not in said
    before = {path: path.read_bytes() for path in left if path.name != "score.json"}
    call(tmp_path)  # nothing is left to do
    assert all(path.read_bytes() == data for path, data in before.items())


def test_another_machine_goes_on_from_the_pieces(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = ("--out", str(out), "--step", "training", "--minutes", "0")
    call(tmp_path / "one", *first)
    begun = read(out / "training.json")
    assert not begun["over"]
    assert pieces.pieces(out)
    call(tmp_path / "two", "--out", str(out), "--step", "training")
    ended = read(out / "training.json")
    assert ended["over"]
    assert ended["steps"] > begun["steps"] > 0


def test_a_checkpoint_survives_its_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(tmp_path, "--step", "training")
    checkpoint = tmp_path / "training" / CHECKPOINT
    whole = load_file(checkpoint)
    monkeypatch.setattr(pieces, "SIZE", 1000)
    made = pieces.cut(checkpoint, tmp_path / "pieces")
    assert len(made) > 3
    assert pieces.join(tmp_path / "pieces", tmp_path / "again.safetensors")
    again = load_file(tmp_path / "again.safetensors")
    assert again.keys() == whole.keys()
    for name, value in whole.items():
        assert again[name].dtype == value.dtype
        if name.startswith("generator"):
            assert torch.equal(again[name], value)
        torch.testing.assert_close(again[name], value, rtol=0.01, atol=1e-4)
    assert not pieces.join(tmp_path / "empty", tmp_path / "none.safetensors")


def test_the_plan_names_every_step() -> None:
    said = CliRunner().invoke(main, ["plan"]).output
    assert all(f"| {step} |" in said for step in STEPS)


def read(path: Path):
    return json.loads(path.read_text())
