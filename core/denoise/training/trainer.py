"""Training of the generator: seeded steps, an average of the weights, checkpoints, resume."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from ...compute.distributed import ALONE, Ranks
from ...compute.overlap import Overlap
from ...simulate.pairs import PairGenerator
from ..ctf_channel import reads_ctf
from ..network import DenoisingNetwork
from .batches import Batch, draw_batch
from .checkpoint import State, load_checkpoint, save_checkpoint
from .config import TrainingConfig
from .learner import Learner
from .metrics_log import MetricsLog, Row
from .presets import Preset
from .schedule import Schedule
from .watcher import Watcher

__all__ = ["CHECKPOINT", "METRICS", "Score", "Trainer", "TrainingConfig", "Watcher"]

CHECKPOINT, METRICS = "checkpoint.safetensors", "metrics.csv"
Score = dict[str, float]
CALIBRATION = 2**32
"""The step whose pairs the perceptual loss is weighed on: no run comes so far."""
BEAT = 10
"""Steps between readings of what is costly to read: a GPU's numbers, another process's clock."""


class Trainer:
    """Trains a generator in a folder that can be picked up again.

    Step k draws its pairs from the seeds (seed, k), so that a resumed run sees what an undisturbed
    one would have seen; on a CPU it comes to the same weights bit by bit.

    Parameters
    ----------
    preset
        The network, its loss, and how to train it.
    pairs
        Source of training pairs, on the device to train on.
    folder
        Gets metrics.csv and checkpoint.safetensors; resumed when it holds a checkpoint.
    score
        Called with the averaged generator at each validation; returns named numbers, of which
        `score` tells whether the run still gets better.
    start
        Weights to start from, as a generator's state; random ones by default.
    ranks
        Processes that train together, each with a trainer.

    Raises
    ------
    IceblockError
        If the folder's checkpoint has other settings, which are named.
    """

    def __init__(
        self,
        preset: Preset,
        pairs: PairGenerator,
        folder: Path,
        score: Callable[[DenoisingNetwork], Score] | None = None,
        *,
        start: Mapping[str, torch.Tensor] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        config = preset.training
        self.preset, self.config = preset, config
        self.pairs, self.folder, self.score, self.ranks = pairs, folder, score, ranks
        self.device = pairs.volumes[0].device
        self.schedule = Schedule(
            config.learning_rate, config.warmup, config.decay, config.steps, config.seconds
        )
        self.learner = Learner(preset, start, self.device, ranks)
        self._reads_ctf = reads_ctf(self.learner.generator)
        self.state = State()
        self._rate = self._began = 0.0
        self._overlap = Overlap(self.device)
        self.log = MetricsLog(folder / METRICS)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).is_file():
            self._restore()

    @property
    def average(self) -> DenoisingNetwork:
        """The averaged generator."""
        return self.learner.average.network

    @property
    def step(self) -> int:
        """Steps done."""
        return self.state.step

    @property
    def progress(self) -> float:
        """Part of the run that is over."""
        return self.schedule.progress(self.state.step, self.state.seconds)

    @property
    def over(self) -> bool:
        """Whether the run is at its end."""
        return self.progress >= self.schedule.end(self.state.fall)

    def run(self, watcher: Watcher | None = None, began: float | None = None) -> DenoisingNetwork:
        """Train to the end and return the averaged generator.

        Parameters
        ----------
        watcher
            Told of every step, and in the first process of every row of metrics.csv.
        began
            Moment (of `time.monotonic`) from which training time is counted, default now.

        Raises
        ------
        IceblockError
            If training diverges.
        """
        watcher = watcher or Watcher()
        self._began = (time.monotonic() if began is None else began) - self.state.seconds
        if self.preset.loss.perceptual != "none":
            self._weigh_perceptual(watcher)
        if self.state.step == 0:
            self._record(watcher, validate=True)
        saved = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._draw, self.state.step)
            while not self.over:
                batch = coming.result()
                self._overlap.join(*batch.tensors())
                coming = pool.submit(self._draw, self.state.step + 1)
                self._advance(batch)
                if self.over or self._validation_is_due():
                    self._record(watcher, validate=True)
                elif self.state.step % self.config.record_every == 0:
                    self._record(watcher, validate=False)
                if self.over or time.monotonic() - saved > self.config.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
                try:
                    watcher.step(self.state.step)
                except BaseException:
                    self._save()
                    raise
        return self.average

    def _draw(self, step: int) -> Batch:
        with self._overlap.ahead():
            return draw_batch(
                self.pairs, self.config, step, self.ranks, reads_ctf(self.learner.generator)
            )

    def _weigh_perceptual(self, watcher: Watcher) -> None:
        def draw() -> Batch:
            return draw_batch(self.pairs, self.config, CALIBRATION, ALONE, self._reads_ctf)

        if sentence := self.learner.weigh_perceptual(self.state, draw):
            self._remark(sentence, watcher)

    def _advance(self, batch: Batch) -> None:
        """Take one step."""
        state, config = self.state, self.config
        rate = self._rate = self.schedule.rate(state.step, self.progress, state.fall)
        state.tally.add(self.learner.learn(batch, state.step, rate))
        if self.device.type == "cpu" or state.step % BEAT == 0:
            state.tally.settle(state.step, config.learning_rate)
        state.step += 1
        state.images += len(batch.noisy) * self.ranks.size
        self._read_clock()

    def _read_clock(self) -> None:
        """Note the training time; processes that stop by it must all see the same."""
        if self.ranks.size > 1 and self.state.step % BEAT:
            return
        self.state.seconds = time.monotonic() - self._began
        if self.config.seconds is not None:
            (self.state.seconds,) = self.ranks.agree([self.state.seconds], self.device)

    def _validation_is_due(self) -> bool:
        """Every so many steps, and at each tenth of a run that is limited by time."""
        by_time = self.config.seconds is not None and self.progress >= self.state.validated + 0.1
        return by_time or self.state.step % self.config.validate_every == 0

    def _record(self, watcher: Watcher, validate: bool) -> None:
        """Make a row of metrics.csv: mean losses since the last one, and held-out scores."""
        state, config = self.state, self.config
        state.tally.settle(state.step, config.learning_rate)
        steps = state.tally.counts.get("loss", 0)
        means = self.ranks.mean(state.tally.take(), self.device)
        row: Row = {"step": state.step, "seconds": round(state.seconds, 2)}
        row |= {"learning_rate": self._rate, **means}
        if sentence := state.watchdog.look(means, steps, state.step, config.learning_rate):
            self._remark(sentence, watcher)
        if validate and self.score is not None:
            state.validated = self.progress
            if self.ranks.first:
                row |= self.score(self.average)
            self._judge(row.get("score"), watcher)
        if self.ranks.first and len(row) > 3:
            self.log.append(row)
            watcher.record(row)

    def _judge(self, score: float | None, watcher: Watcher) -> None:
        """Let the learning rate fall early where the held-out score has stopped rising."""
        state, patience = self.state, self.config.patience
        if score is not None:
            state.plateau.look(score)
        if patience is None or state.fall is not None or self.progress >= 1 - self.config.decay:
            return
        (told,) = self.ranks.agree([float(state.plateau.stale >= patience)], self.device)
        if told:
            state.fall = self.progress
            self._remark(
                f"The held-out score has not risen for {patience} validations: the learning rate "
                f"falls from step {state.step} on, and the run ends early.",
                watcher,
            )

    def _remark(self, sentence: str, watcher: Watcher) -> None:
        self.state.remarks.append(sentence)
        if self.ranks.first:
            watcher.remark(sentence)

    def _save(self) -> None:
        self.state.tally.settle(self.state.step, self.config.learning_rate)
        if not self.ranks.first:
            return
        path, settings = self.folder / CHECKPOINT, self.preset.settings()
        save_checkpoint(path, self.state, settings, self.learner.tensors())

    def _restore(self) -> None:
        self.state, parts = load_checkpoint(self.folder / CHECKPOINT, self.preset.settings())
        self.learner.restore(parts)
        if self.ranks.first:
            self.log.restore(self.state.step)
