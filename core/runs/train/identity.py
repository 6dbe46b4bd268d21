"""What makes a training run this run: a stopped one is continued only where all of it agrees."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ... import __version__
from ..stamps import stamps

if TYPE_CHECKING:
    import torch

    from ...denoise.model_file import Model
    from ...denoise.training.presets import Preset
    from .options import TrainOptions


def identity(
    options: TrainOptions, preset: Preset, parent: Model | None, device: torch.device
) -> dict[str, Any]:
    """Collect all that the weights depend on, by the names that a refusal uses.

    Parameters
    ----------
    options, preset
        What was asked for, and what that means.
    parent
        The model to start from.
    device
        Where to train.
    """
    training = asdict(preset.training)
    del training["checkpoint_seconds"]
    settings = {
        "version": __version__,
        "noise": stamps(options.noise),
        "volumes": stamps(options.volumes),
        "held_out": stamps(options.held_out),
        "particles": stamps([options.particles] if options.particles else []),
        "particle_pixel_size": options.particle_pixel_size,
        "from": parent.sha256 if parent else None,
        "preset": options.preset,
        "phantoms": options.phantoms,
        "box": options.box,
        "pixel_size": options.pixel_size,
        "snr_range": options.snr_range,
        **training,
        "loss": asdict(preset.loss),
        "device_type": device.type,
    }
    settings["processes"] = settings.pop("parts")
    settings["time_limit"] = settings.pop("seconds")
    plain: dict[str, Any] = json.loads(json.dumps(settings))  # as the record gives it back
    return plain
