"""The card of a model that a training run has made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from ... import __version__
from ...denoise.model_file import Model, ModelCard
from ...denoise.training.trainer import Trainer
from ...noise.statistics import noise_statistics
from ..record import Machine
from .inputs import TrainingInputs
from .options import TrainOptions


def make_card(
    options: TrainOptions,
    inputs: TrainingInputs,
    trainer: Trainer,
    parent: Model | None,
    table: dict[str, dict[str, float]],
) -> ModelCard:
    """Describe a model.

    Parameters
    ----------
    options, inputs, trainer
        Of the run.
    parent
        The model that it started from; its structures, noise and ranges count as known too. The
        statistics are those of this run's noise alone.
    table
        Held-out scores by method.
    """
    size, box = inputs.geometry.pixel_size, inputs.box
    sizes, boxes, volumes, noise = [size], [box], inputs.volumes, inputs.noise
    if parent is not None:
        card = parent.card
        sizes += card.pixel_size_range
        boxes += card.box_range
        volumes = (*(f"{name} ({card.name})" for name in card.volumes), *volumes)
        noise = (*(f"{name} ({card.name})" for name in card.noise), *noise)
    return ModelCard(
        name=options.name or options.out.resolve().name,
        working_pixel_size=inputs.geometry.working_pixel_size,
        snr_range=inputs.pairs.settings.snr_range,
        pixel_size_range=(min(sizes), max(sizes)),
        box_range=(min(boxes), max(boxes)),
        defocus_range=inputs.defocus_range,
        volumes=volumes,
        noise=noise,
        training=_training(options, trainer, parent),
        scores={
            "held_out": list(inputs.held_out_names),
            "box": box,
            "pixel_size": round(size, 4),
            **table,
        },
        noise_statistics=noise_statistics(inputs.pairs.noise, box, size, trainer.device),
    )


def _training(options: TrainOptions, trainer: Trainer, parent: Model | None) -> dict[str, Any]:
    state = trainer.state
    started = {"name": parent.card.name, "sha256": parent.sha256} if parent else "random weights"
    settings = asdict(trainer.config)
    del settings["checkpoint_seconds"]
    settings["step_limit"], settings["time_limit"] = settings.pop("steps"), settings.pop("seconds")
    return {
        "started_from": started,
        "steps": state.step,
        "images": state.images,
        "seconds": round(state.seconds),
        **settings,
        "preset": options.preset,
        "loss": asdict(trainer.preset.loss),
        "perceptual_weight": state.perceptual_weight,
        "device": str(trainer.device),
        "processes": trainer.ranks.size,
        "threads": torch.get_num_threads(),
        "processor": Machine().processor,
        "torch": torch.__version__,
        "iceblock": __version__,
        "command": options.command,
    }
