"""Trains in a process of its own: FOLDER LOSS STEPS PARTS, one line a step."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from core.compute.distributed import joined
from core.denoise.paper.losses import LossSettings
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer
from tests.denoise.tiny_network import TINY
from tests.denoise.tiny_training import CONFIG, GAN, Watcher, tiny_pairs

LOSSES = {"mse": LossSettings(), "gan": replace(GAN, perceptual="none")}


class Say(Watcher):
    def step(self, step: int) -> None:
        print(step, flush=True)


def train(folder: str, loss: str, steps: int, parts: int) -> None:
    """Train, in this process or as one of several; each writes its weights to rank*.pt."""
    config = replace(CONFIG, steps=steps, checkpoint_seconds=0.02, record_every=7, parts=parts)
    scores = (k / 10 for k in range(100))
    with joined(torch.device("cpu")) as ranks:
        trainer = Trainer(
            Preset(TINY, LOSSES[loss], config), tiny_pairs(), Path(folder),
            lambda net: {"score": next(scores)}, ranks=ranks,
        )  # fmt: skip
        trainer.run(Say())
        tensors = {**trainer.learner.generator.state_dict(), "average": trainer.average.out.weight}
        if (adversary := trainer.learner.objective.adversary) is not None:
            tensors |= {f"d.{k}": v for k, v in adversary.network.state_dict().items()}
        torch.save(tensors, Path(folder) / f"rank{ranks.rank}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
