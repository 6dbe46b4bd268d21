"""Training of the generator: seeded steps, checkpoints, resume, an average of the weights."""

from __future__ import annotations

import csv
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ..errors import IceblockError
from .generator import Generator, GeneratorConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..simulate.pairs import PairGenerator, Pairs

Score = dict[str, float]


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how to train."""

    steps: int = 2000
    batch: int = 32
    """Images of a 64-pixel box in a step; larger boxes come in smaller batches."""
    boxes: tuple[int, ...] = (64,)
    """One is drawn for each step, pixels."""
    learning_rate: float = 6e-4
    warmup: int = 200
    """Steps of linear rise."""
    decay: float = 0.4
    """Last part of the steps, over which the rate falls to zero as a cosine."""
    weight_decay: float = 1e-4
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.999
    """Memory of the running average of the weights, which is what is kept."""
    bf16: bool = True
    seed: int = 0
    validate_every: int = 500
    """Steps."""
    checkpoint_seconds: float = 120.0


class Trainer:
    """Trains a generator in a folder that can be picked up again.

    Step k draws its pairs from the seeds (seed, k), so that a resumed run sees what an undisturbed
    one would have seen. The folder holds metrics.csv, checkpoint.safetensors.

    Parameters
    ----------
    generator_config, config
        The network and how to train it.
    pairs
        Source of training pairs, on the device to train on.
    folder
        Where checkpoints and metrics go; resumed when it holds a checkpoint.
    score
        Called with the averaged generator at each validation; returns named numbers.
    """

    def __init__(
        self,
        generator_config: GeneratorConfig,
        config: TrainingConfig,
        pairs: PairGenerator,
        folder: Path,
        score: Callable[[Generator], Score] | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.pairs = pairs
        self.folder = folder
        self.score = score
        self.device = pairs.volumes[0].device
        self.generator = Generator(generator_config)
        self.average = Generator(generator_config).eval().requires_grad_(False)
        self.average.load_state_dict(self.generator.state_dict())
        for net in (self.generator, self.average):
            net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.generator.parameters(),
            lr=1.0,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
        )
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if self._checkpoint.is_file():
            self._restore()

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def run(self, report: Callable[[int, float], None] = lambda step, loss: None) -> Generator:
        """Train to the last step and return the averaged generator.

        Raises
        ------
        IceblockError
            If the loss stops being a finite number.
        """
        saved = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._draw, self.step)
            while self.step < self.config.steps:
                pairs = coming.result()
                coming = pool.submit(self._draw, self.step + 1)
                loss = self._advance(pairs)
                self.step += 1
                report(self.step, loss)
                last = self.step == self.config.steps
                if last or self.step % self.config.validate_every == 0:
                    self._record(loss)
                if last or time.monotonic() - saved > self.config.checkpoint_seconds:
                    self._save()
                    saved = time.monotonic()
        return self.average

    def learning_rate(self, step: int) -> float:
        """Rate at a step: linear rise, plateau, cosine fall to zero."""
        c = self.config
        rise = min(1.0, (step + 1) / max(1, c.warmup))
        begin = c.steps * (1 - c.decay)
        if step <= begin:
            return c.learning_rate * rise
        part = (step - begin) / max(1.0, c.steps - begin)
        return c.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * part))

    def _draw(self, step: int) -> Pairs:
        rng = np.random.default_rng([self.config.seed, step])
        noise_seed = int(rng.integers(2**62))
        generator = torch.Generator(self.device).manual_seed(noise_seed)
        box = int(rng.choice(self.config.boxes))
        group = self.pairs.settings.group
        n = max(group, round(self.config.batch * (64 / box) ** 2 / group) * group)
        return self.pairs.draw(n, box, rng, generator)

    def _advance(self, pairs: Pairs) -> float:
        noisy = pairs.noisy[:, None].contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            output = self.generator(noisy)
        loss = weighted_error(output[:, 0].float(), pairs.clean, pairs.snr)
        if not torch.isfinite(loss):
            raise IceblockError(
                f"Training diverged at step {self.step}: the loss is no longer a finite number; "
                "start again with half the learning rate."
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.generator.parameters(), self.config.clip)
        self.optimizer.step()
        self._update_average()
        return float(loss.detach())

    @torch.no_grad()
    def _update_average(self) -> None:
        memory = min(self.config.ema, (1 + self.step) / (10 + self.step))
        new = self.generator.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(new[name].to(value.dtype), 1 - memory)
            else:
                value.copy_(new[name])

    def _record(self, loss: float) -> None:
        row: dict[str, float] = {"step": self.step, "loss": loss}
        row["learning_rate"] = self.learning_rate(self.step - 1)
        if self.score is not None:
            row |= self.score(self.average)
        path = self.folder / "metrics.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)

    def _save(self) -> None:
        tensors = {"step": torch.tensor(self.step)}
        for label, net in (("generator", self.generator), ("average", self.average)):
            tensors |= {f"{label}.{k}": v.contiguous() for k, v in net.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v.contiguous() for k, v in state.items()}
        temporary = self._checkpoint.with_suffix(".partial")
        save_file(tensors, temporary)
        temporary.replace(self._checkpoint)

    def _restore(self) -> None:
        tensors = load_file(self._checkpoint)
        self.step = int(tensors.pop("step"))
        state: dict[int, dict[str, torch.Tensor]] = {}
        parts: dict[str, dict[str, torch.Tensor]] = {"generator": {}, "average": {}}
        for name, value in tensors.items():
            label, rest = name.split(".", 1)
            if label == "optimizer":
                index, key = rest.split(".", 1)
                state.setdefault(int(index), {})[key] = value
            else:
                parts[label][rest] = value
        self.generator.load_state_dict(parts["generator"])
        self.average.load_state_dict(parts["average"])
        whole = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def weighted_error(output: torch.Tensor, clean: torch.Tensor, snr: torch.Tensor) -> torch.Tensor:
    """Squared error divided by the SNR, so that weak particles have their say too.

    The constant in the divisor keeps the weakest, whose error is mostly what the network has not
    yet learned to leave out, from drowning the rest.

    Parameters
    ----------
    output, clean : (n, box, box)
        In units of the background's sd.
    snr : (n,)
        Inside the particle mask.
    """
    error = (output - clean).square().mean(dim=(1, 2))
    return (error / (snr.to(error.device) + 0.01)).mean()
