"""The checks of an evaluation: of the network alone, and of the whole result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ...console import Console
from ...denoise.inference import Denoiser
from ...evaluate.data_set import Background
from ...evaluate.gate import Check, Trial
from ...evaluate.hallucination import run_gate
from ...evaluate.whole_result import whole_checks
from ...noise.source import NoiseSource
from ...remarks import warn
from ...simulate.training_noise import noise_of, read_blocks
from .gate import make_trial, method_of, noise_like
from .inputs import Evaluated
from .options import EvaluateOptions
from .whole import known_of, whole_of, whole_trial

NOISE_IMAGES = 1000
"""Pictures of pure noise that are denoised."""


def all_checks(
    options: EvaluateOptions,
    seen: Evaluated,
    denoiser: Denoiser | None,
    noise: tuple[Background, Path | None],
    console: Console,
) -> tuple[list[Check], str]:
    """Try the network, and the whole result where it can be made again.

    Parameters
    ----------
    options, seen, denoiser
        Of the evaluation.
    noise
        That about the particles; and the bank of the network's training, where it is known.
    console
        Of the run.

    Returns
    -------
    checks
        None where they are not wanted, or the network is not known.
    not_whole
        Why the whole result was not tried; empty where it was, or nothing was.
    """
    if not options.gate or denoiser is None:
        return [], ""

    def tell(title: str) -> None:
        console.say(f"  {title}")
        console.heartbeat()

    console.say("the network alone is tried for invented detail (about a minute)")
    trial, found = _trial(options, seen, denoiser, *noise)
    checks = run_gate(method_of(denoiser, trial.pixel_size), trial, tell)
    for sentence in found:
        warn(sentence)
    known, why = known_of(options, seen, denoiser)
    if known is None:
        return checks, why
    console.say("the whole result is tried, with what the set has taught (about a minute)")
    own = _noise(seen, *noise if options.noise else (noise[0], None), known.pixel_size)(known.box)
    whole = whole_of(seen, denoiser, known)
    return checks + whole_checks(whole, whole_trial(known, own, NOISE_IMAGES), tell), ""


def _trial(
    options: EvaluateOptions,
    seen: Evaluated,
    denoiser: Denoiser,
    about: Background,
    bank: Path | None,
) -> tuple[Trial, list[str]]:
    """Set the gate up in the noise of the bank, or else in noise like that about the particles."""
    working = denoiser.model.card.working_pixel_size
    return make_trial(denoiser, options.volumes, _noise(seen, about, bank, working), NOISE_IMAGES)


def _noise(
    seen: Evaluated, about: Background, bank: Path | None, pixel_size: float
) -> Callable[[int], NoiseSource]:
    """Give noise of the bank, or like that about the particles, by the box; pixel size in Å."""

    def noise(box: int) -> NoiseSource:
        if bank:
            return noise_of([read_blocks(bank, pixel_size)], [box], torch.device("cpu"))[0]
        return noise_like(about, seen.pixel_size, pixel_size)

    return noise
