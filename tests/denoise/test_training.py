from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compute.distributed import ALONE
from core.denoise.generator import Generator
from core.denoise.paper.losses import LossSettings, pixel_error
from core.denoise.training import trainer as training
from core.denoise.training.batches import draw_batch
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer
from core.errors import IceblockError
from core.simulate.pairs import PairGenerator

from .tiny_network import TINY
from .tiny_training import CONFIG, GAN, Watcher, curve, make, same_weights, tiny_pairs


@pytest.fixture(scope="module")
def pairs() -> PairGenerator:
    return tiny_pairs()


def test_training_lowers_the_held_out_error(pairs: PairGenerator, tmp_path: Path) -> None:
    held_out = pairs.draw(32, 32, np.random.default_rng(99), torch.Generator().manual_seed(99))

    def error(net: Generator) -> float:
        with torch.no_grad():
            out = net(held_out.noisy[:, None])[:, 0]
        return float(pixel_error(out, held_out.clean, held_out.snr, LossSettings()))

    trainer = make(
        pairs, tmp_path, steps=60, validate_every=30, record_every=20,
        score=lambda net: {"error": error(net)},
    )  # fmt: skip
    before = error(trainer.average)
    assert error(trainer.run()) < 0.8 * before
    rows = curve(tmp_path)
    assert [int(r["step"]) for r in rows] == [0, 20, 30, 40, 60]
    assert float(rows[0]["error"]) == pytest.approx(before)
    assert [r["error"] != "" for r in rows] == [True, False, True, False, True]
    assert float(rows[-1]["pixel"]) < 0.9 * float(rows[1]["pixel"])
    assert float(rows[-1]["loss"]) == float(rows[-1]["pixel"])


@pytest.mark.parametrize("perceptual", ["none", "random"])
def test_the_discriminator_comes_in_after_its_warm_up(
    pairs: PairGenerator, tmp_path: Path, perceptual: str
) -> None:
    class Remarks(Watcher):
        said: list[str] = []  # noqa: RUF012

        def remark(self, sentence: str) -> None:
            self.said.append(sentence)

    watcher = Remarks()
    loss = replace(GAN, perceptual=perceptual)
    trainer = make(pairs, tmp_path, loss, steps=5, batch=2, record_every=1)
    adversary = trainer.learner.objective.adversary
    assert adversary is not None
    before = {k: v.clone() for k, v in adversary.network.state_dict().items()}
    trainer.run(watcher)
    assert any(not torch.equal(v, before[k]) for k, v in adversary.network.state_dict().items())
    rows = curve(tmp_path)
    assert [row["discriminator"] != "" for row in rows] == [False] * 3 + [True] * 2
    last = {name: float(value) for name, value in rows[-1].items()}
    whole = 100 * last["pixel"] + last["adversarial"]
    if perceptual == "random":
        weight = trainer.state.perceptual_weight
        assert weight is not None
        whole += weight * last["perceptual"]
        assert f"{weight:.3g}" in watcher.said[0]
        assert watcher.said == trainer.state.remarks
    assert last["loss"] == pytest.approx(whole, rel=1e-5)
    assert 0 < last["real"] < 1
    assert 0 < last["fake"] < 1


def test_the_perceptual_gradient_has_its_share_at_the_output(
    pairs: PairGenerator, tmp_path: Path
) -> None:
    trainer = make(pairs, tmp_path, replace(GAN, adversarial=0.0, perceptual="random"), batch=2)
    batch = draw_batch(pairs, trainer.config, 0, ALONE)
    _, weight = trainer.learner.objective.calibrate(batch, trainer.learner.generator)
    output = trainer.learner.generator(batch.noisy).detach().requires_grad_()

    def gradient() -> torch.Tensor:
        total, _ = trainer.learner.objective(batch, output, 0, 0.0)
        return torch.autograd.grad(total, output)[0]

    both = gradient()
    trainer.learner.objective.perceptual_weight = 0.0
    pixels = gradient()
    assert weight > 0
    assert float((both - pixels).norm() / pixels.norm()) == pytest.approx(0.2, rel=1e-3)


def test_same_seed_same_weights(pairs: PairGenerator, tmp_path: Path) -> None:
    one, again, other = (
        make(pairs, tmp_path / name, seed=seed, steps=4).run()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert same_weights(one, again)
    assert not same_weights(one, other)


def test_fine_tuning_starts_from_the_given_weights(pairs: PairGenerator, tmp_path: Path) -> None:
    torch.manual_seed(5)
    parent = Generator(TINY)
    trainer = make(pairs, tmp_path, start=parent.state_dict(), ema=0.999, steps=3)
    assert same_weights(trainer.learner.generator, parent)
    assert same_weights(trainer.average, parent)
    average = trainer.run()
    for name, value in average.state_dict().items():  # the average moves slowly from the parent
        before = parent.state_dict()[name]
        now = trainer.learner.generator.state_dict()[name]
        assert (value - before).norm() <= 0.01 * (now - before).norm() + 1e-7


class Clock:
    """A hundredth of a second has passed each time that somebody looks."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 0.01
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands in for the time that the trainer sees, on machines of any speed."""
    made = Clock()
    monkeypatch.setattr(training, "time", made)
    return made


@pytest.mark.usefixtures("clock")
def test_training_stops_by_time_with_the_rate_fallen(pairs: PairGenerator, tmp_path: Path) -> None:
    scored: list[float] = []

    def score(net: Generator) -> dict[str, float]:
        scored.append(0.0)
        return {"score": 0.0}

    trainer = make(pairs, tmp_path, steps=None, seconds=1.0, score=score, validate_every=10**6)
    trainer.run()
    assert 1.0 <= trainer.state.seconds < 1.1
    assert trainer.step > 3
    rates = [float(row["learning_rate"]) for row in curve(tmp_path)]
    assert rates[-1] < 0.2 * max(rates)
    assert 3 <= len(scored) <= 12  # at the start and at about each tenth of the time


def test_time_is_counted_from_the_moment_given(
    pairs: PairGenerator, tmp_path: Path, clock: Clock
) -> None:
    trainer = make(pairs, tmp_path, steps=None, seconds=50.0)
    trainer.run(began=clock.now - 49.9)
    assert 0 < trainer.step <= 10


def test_a_score_that_stops_rising_ends_the_run(pairs: PairGenerator, tmp_path: Path) -> None:
    scores = iter([0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3])
    trainer = make(
        pairs, tmp_path, steps=100, validate_every=4, patience=2,
        score=lambda net: {"score": next(scores)},
    )  # fmt: skip
    trainer.run()
    assert trainer.state.fall == pytest.approx(0.16)
    assert trainer.step == 20
    assert "has not risen for 2 validations" in trainer.state.remarks[0]
    assert trainer.state.plateau.best == 0.3


@pytest.mark.parametrize("loss", [None, GAN])
def test_divergence_is_named(
    pairs: PairGenerator, tmp_path: Path, loss: LossSettings | None
) -> None:
    trainer = make(pairs, tmp_path, loss)
    with torch.no_grad():
        next(trainer.learner.generator.parameters()).fill_(float("nan"))
    with pytest.raises(IceblockError, match=r"diverged at step 0.*--learning-rate 0\.0015"):
        trainer.run()
    assert not (tmp_path / "checkpoint.safetensors").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": None},
        {"steps": 0},
        {"seconds": -1.0},
        {"seconds": float("nan")},
        {"patience": 0},
        {"learning_rate": 0.0},
        {"batch": 0},
        {"boxes": (0,)},
        {"decay": 1.5},
        {"ema": 1.0},
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, object]) -> None:
    with pytest.raises(IceblockError):
        replace(CONFIG, **changes)


def test_larger_boxes_come_in_smaller_batches() -> None:
    config = replace(CONFIG, batch=32)
    assert [config.images(box, 8) for box in (32, 64, 128, 256)] == [128, 32, 8, 8]
    assert replace(config, parts=2).images(64, 8) == 16


def test_batch_norm_statistics_are_averaged_too(pairs: PairGenerator, tmp_path: Path) -> None:
    network = replace(TINY, norm="batch")
    average = Trainer(Preset(network, LossSettings(), CONFIG), pairs, tmp_path).run()
    means = [v for k, v in average.state_dict().items() if k.endswith("running_mean")]
    assert means
    assert all(mean.abs().max() > 0 for mean in means)
