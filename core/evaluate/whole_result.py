"""The hallucination gate for the whole result: the network's image and what a set has taught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ..signal.agreement import masked_correlation
from ..signal.ctf import CtfParameters
from ..simulate.ctf_rows import CtfSource
from .einstein import Reference
from .gate import Check, Trial
from .pure_noise import einstein, left_over

Denoise = Callable[[torch.Tensor, CtfParameters | None], torch.Tensor]
"""Images (n, box, box) with background mean 0 and sd 1, and their CTFs, in; denoised ones out."""
STRENGTHS = (0.5, 0.1)
"""SNRs of the particles of other structures."""
LOSS_BAR = -0.05


@dataclass(frozen=True)
class Whole:
    """How a set is denoised.

    Attributes
    ----------
    result, weighed, network
        All together; the network's image with the weights that it has in the result; and the
        network's image.
    taught
        Pictures that the set has taught.
    ctf
        Of the set's particles; None where it has none.
    """

    result: Denoise
    weighed: Denoise
    network: Denoise
    taught: tuple[Reference, ...]
    ctf: CtfSource | None


def whole_checks(
    whole: Whole, trial: Trial, watch: Callable[[str], None] = lambda title: None
) -> list[Check]:
    """Put the whole result through all checks; see `run_gate`.

    Parameters
    ----------
    whole
        What is tried.
    trial
        On what: noise like the set's own, and structures that are about as large as the set's.
    watch
        Told the title of each check that is finished; may raise to stop.
    """
    checks = []
    for part in (_noise_checks, _structure_check):
        for check in part(whole, trial):
            made = replace(check, name=f"whole_{check.name}", tried="whole result")
            checks.append(made)
            watch(made.title)
    return checks


def _noise_checks(whole: Whole, trial: Trial) -> list[Check]:
    raw = trial.pure_noise()
    ctf = whole.ctf.draw(trial.random(9), len(raw)) if whole.ctf else None
    denoised = whole.result(raw, ctf)
    found = einstein(raw, denoised, whole.taught, trial, "a picture that the set has taught")
    return [left_over(raw, denoised), found]


def _structure_check(whole: Whole, trial: Trial) -> list[Check]:
    """Show other structures: whether the result is still theirs, and not the set's."""
    numbers: dict[str, float] = {}
    lost = []
    for salt, snr in enumerate(STRENGTHS, 10):
        pairs = trial.pairs(trial.unseen, snr, salt, whole.ctf)
        ctf = pairs.ctf if whole.ctf else None
        made = {"result": whole.result, "weighed": whole.weighed, "network": whole.network}
        found = {
            name: float(masked_correlation(way(pairs.noisy, ctf), pairs.clean, pairs.mask).mean())
            for name, way in made.items()
        }
        numbers |= {f"{name}_at_snr_{snr:g}": value for name, value in found.items()}
        lost.append((found["result"] - found["weighed"], snr, *found.values()))
    value, snr, result, weighed, network = min(lost)
    verdict = (
        "They are not made to look like the particles of the set."
        if value >= LOSS_BAR
        else "They are drawn towards the particles of the set."
    )
    return [
        Check(
            "structure", "Another structure", value, LOSS_BAR, "at least",
            f"Particles of other structures (SNR {snr:g}), denoised with what this set has taught, "
            f"resemble the truth by {result:.2f}; the network's part of the result alone by "
            f"{weighed:.2f}, and the network's image as it is by {network:.2f}. {verdict}",
            numbers,
        )
    ]  # fmt: skip
