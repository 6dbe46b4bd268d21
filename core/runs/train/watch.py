"""What is seen of a training run: validation, the progress bar, the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from ...console import Bar, Console
from ...denoise.network import DenoisingNetwork
from ...denoise.training.held_out import HeldOut, Images, mean, named, trivial_methods
from ...denoise.training.metrics_log import Row
from ...denoise.training.trainer import Score, Trainer
from ...denoise.training.watcher import Watcher
from ...figures.pages import write_picture
from ...figures.text_page import Rows
from ...figures.training_figures import curves, sample_rows, samples
from ...wording import counted
from .options import CURVES, SAMPLES


class Validation:
    """Scores a network on held-out pairs and draws what it does to them.

    Parameters
    ----------
    held_out
        The pairs.
    bf16
        How the network computes.
    folder
        Gets curves.png and samples.png.
    name
        Of the model.
    """

    def __init__(self, held_out: HeldOut, bf16: bool, folder: Path, name: str) -> None:
        self.held_out = held_out
        self.bf16 = bf16
        self.folder = folder
        self.name = name
        self.trivial = trivial_methods(held_out)
        self.raw = held_out.correlations(held_out.noisy)
        self.low_pass = held_out.correlations(self.trivial["low-pass"])
        self.denoised: Images = {}

    def __call__(self, network: DenoisingNetwork) -> Score:
        """Score a network: correlations at each SNR and `score`, their mean; `raw`, that of raw."""
        self.denoised = self.held_out.denoised(network, self.bf16)
        found = self.held_out.correlations(self.denoised)
        return {"score": round(mean(found), 5), "raw": round(mean(self.raw), 5), **named(found)}

    def of_each(self) -> npt.NDArray[np.float64]:
        """Correlations (n,) of the network that was scored last, each a mean over the SNRs."""
        found = self.held_out.correlation_of_each(self.denoised).values()
        return np.asarray(torch.stack([*found]).double().mean(dim=0).cpu().numpy())

    def table(self) -> dict[str, dict[str, float]]:
        """Scores of the network that was scored last, and of the trivial methods."""
        rows = {"this model": self.denoised, **self.trivial}
        return {
            method: named(self.held_out.correlations(images)) for method, images in rows.items()
        }

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Draw the curves, and the held-out samples of the network that was scored last."""
        step = int(rows[-1]["step"]) if rows else 0
        title = f"model {self.name!r}, {counted(step, 'step')}"
        shown = samples(self.held_out, self.denoised, self.trivial["low-pass"], title)
        levels = {"raw": self.raw, "best low-pass": self.low_pass}
        return [curves(rows, levels, f"Training: {title}"), shown]

    def strip(self) -> Rows:
        """Choose held-out images before and after for the report's first page."""
        rows = sample_rows(self.held_out, self.denoised, self.trivial["low-pass"])
        return {name: rows[name] for name in ("noisy", "denoised")}

    def draw(self, rows: Sequence[Row]) -> None:
        """Write the figures as pictures."""
        for figure, file_name in zip(self.figures(rows), (CURVES, SAMPLES), strict=True):
            write_picture(self.folder / file_name, figure)


class TrainingWatch(Watcher):
    """Shows the losses and the held-out score on a progress bar.

    Parameters
    ----------
    trainer, validation
        Of the run.
    bar
        Of steps, or of seconds where only time ends the training.
    console
        Where remarks go.
    """

    def __init__(
        self, trainer: Trainer, validation: Validation | None, bar: Bar, console: Console
    ) -> None:
        self.trainer = trainer
        self.validation = validation
        self.bar = bar
        self.console = console
        self._shown: dict[str, str] = {}

    def step(self, step: int) -> None:
        """Move the bar."""
        self._show(self.trainer.state.tally.means())
        state = self.trainer.state
        self.bar.reach(int(state.seconds) if self.trainer.config.steps is None else state.step)

    def record(self, row: Row) -> None:
        """Show the losses; at validations show the score and draw the pictures."""
        self._show(row)
        if self.validation is not None and "score" in row:
            self.validation.draw(self.trainer.log.rows)

    def remark(self, sentence: str) -> None:
        """Write a sentence above the bar."""
        self.console.note(sentence)

    def _show(self, numbers: Row) -> None:
        """Put numbers behind the bar; those that are not new stay."""
        if self.trainer.config.steps is None:
            self._shown["step"] = str(self.trainer.step)
        for name in ("loss", "discriminator", "score", "raw"):
            if name in numbers:
                self._shown[name] = f"{numbers[name]:.3g}"
        self.bar.show(**self._shown)
