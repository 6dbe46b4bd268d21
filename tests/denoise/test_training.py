import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_network import TINY

from core.denoise.generator import Generator
from core.denoise.training import Trainer, TrainingConfig, weighted_error
from core.errors import IceblockError
from core.noise.source import SpectrumNoise
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

CONFIG = TrainingConfig(
    steps=12, batch=8, boxes=(32,), warmup=2, learning_rate=3e-3, validate_every=6, bf16=False,
    ema=0.5,
)  # fmt: skip


@pytest.fixture(scope="module")
def pairs() -> PairGenerator:
    volume = VolumeTransform(phantom(0, 6.0, diameter=(90, 110)))
    settings = PairSettings(snr_range=(0.5, 1.0), group=4, neighbour_rate=0.0)
    return PairGenerator([volume], SpectrumNoise(torch.ones(1, 17)), settings)


def test_training_lowers_the_held_out_error(pairs: PairGenerator, tmp_path: Path) -> None:
    held_out = pairs.draw(32, 32, np.random.default_rng(99), torch.Generator().manual_seed(99))

    def error(net: Generator) -> float:
        with torch.no_grad():
            out = net(held_out.noisy[:, None])[:, 0]
        return float(weighted_error(out, held_out.clean, held_out.snr))

    config = replace(CONFIG, steps=60, validate_every=30)
    trainer = Trainer(TINY, config, pairs, tmp_path, score=lambda net: {"error": error(net)})
    before = error(trainer.average)
    assert error(trainer.run()) < 0.8 * before
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(r["step"]) for r in rows] == [30, 60]
    assert all(float(r["error"]) > 0 for r in rows)


def test_a_resumed_run_is_the_undisturbed_run(pairs: PairGenerator, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(step: int, loss: float) -> None:
        if step == 7:
            raise Stopped

    whole = Trainer(TINY, CONFIG, pairs, tmp_path / "whole").run()
    config = replace(CONFIG, checkpoint_seconds=0.0)
    with pytest.raises(Stopped):
        Trainer(TINY, config, pairs, tmp_path / "stopped").run(stop)
    resumed = Trainer(TINY, config, pairs, tmp_path / "stopped")
    assert resumed.step == 6
    for name, value in resumed.run().state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name


def test_learning_rate_rises_stays_and_falls(pairs: PairGenerator, tmp_path: Path) -> None:
    config = replace(CONFIG, steps=100, warmup=10, decay=0.5)
    trainer = Trainer(TINY, config, pairs, tmp_path)
    rates = [trainer.learning_rate(k) for k in range(100)]
    assert rates[0] < rates[5] < rates[9] == rates[40] == config.learning_rate
    assert rates[60] > rates[80] > rates[99]
    assert rates[99] < 0.01 * config.learning_rate


def test_divergence_is_named(pairs: PairGenerator, tmp_path: Path) -> None:
    trainer = Trainer(TINY, CONFIG, pairs, tmp_path)
    with torch.no_grad():
        next(trainer.generator.parameters()).fill_(float("nan"))
    with pytest.raises(IceblockError, match="diverged at step 0"):
        trainer.run()
