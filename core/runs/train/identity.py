"""What makes a training run this run: a stopped one is continued only where all of it agrees."""

from __future__ import annotations

from typing import Any

import torch

from ... import __version__
from ...denoise.model_file import Model
from ..stamps import stamps
from .options import TrainOptions


def identity(
    options: TrainOptions, processes: int, parent: Model | None, device: torch.device
) -> dict[str, Any]:
    """Collect all that the weights depend on, by the names that a refusal uses.

    Parameters
    ----------
    options
        What was asked for; what it means to this version's presets is the same each time.
    processes
        That train together.
    parent
        The model to start from.
    device
        Where to train.
    """
    return {
        "version": __version__,
        "noise": stamps(options.noise),
        "volumes": stamps(options.volumes),
        "held_out": stamps(options.held_out),
        "particles": stamps([options.particles] if options.particles else []),
        "from": parent.sha256 if parent else None,
        **options.identity(),
        "processes": processes,
        "device_type": device.type,
    }
