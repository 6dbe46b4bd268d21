"""The hallucination gate, which asks whether a network invents what is not in its input.

Five checks. Each gives a number, a bar, and a sentence for who does not read code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..signal.agreement import masked_correlation, pooled_frc
from ..signal.ctf import ctf_images
from ..signal.spectrum import with_random_phases
from ..simulate.projection import (
    VolumeTransform,
    crop_centre,
    random_angles,
    rotation_matrices,
    to_images,
)
from ..simulate.superposition import support
from .einstein import Reference
from .gate import Check, Method, OneCtf, Trial, in_batches
from .pure_noise import einstein, left_over

REFERENCES = 3
"""Projections that noise is aligned to, of different structures where there are as many."""
STRUCTURE_SNR, VIEWS = 0.5, 300
"""For particles of unknown structures; random views of the known ones to compare them with."""
PHASE_SNR, PHASE_LIMIT, PHASE_END = 1.0, 20.0, 10.0
"""For particles whose phases are taken away; between these resolutions (Å) the output is judged."""
PHASE_BAR = 0.15
DOUBLING_SNRS = (0.1, 0.4, 1.6)
"""The signal's amplitude doubles from one to the next."""
DOUBLING_BAR = 1.2


def run_gate(
    method: Method, trial: Trial, watch: Callable[[str], None] = lambda title: None
) -> list[Check]:
    """Put a method through all checks.

    Parameters
    ----------
    method, trial
        What is tried, and on what.
    watch
        Told the title of each check that is finished; may raise to stop.
    """
    checks = []
    for part in (noise_checks, structure_check, phase_check, doubling_check):
        for check in part(method, trial):
            checks.append(check)
            watch(check.title)
    return checks


def noise_checks(method: Method, trial: Trial) -> list[Check]:
    """Put pure noise in: how much comes out, and whether it looks like what the model knows."""
    raw = trial.pure_noise()
    denoised = in_batches(method, raw)
    found = einstein(raw, denoised, references(trial), trial, "a known structure")
    return [left_over(raw, denoised), found]


def structure_check(method: Method, trial: Trial) -> list[Check]:
    """Show it structures that it never saw: whether the output looks like them or known ones."""
    pairs = trial.pairs(trial.unseen, STRUCTURE_SNR, 3)
    denoised = in_batches(method, pairs.noisy)
    truth = float(masked_correlation(denoised, pairs.clean, pairs.mask).mean())
    known = known_views(trial)
    likest = float(_best_match(denoised, known, pairs.mask).mean())
    by_nature = float(_best_match(pairs.clean, known, pairs.mask).mean())
    value = truth - likest
    return [
        Check(
            "structure", "A structure never seen", value, 0.0, "at least",
            f"Denoised particles of structures that the denoiser never saw resemble the truth "
            f"({truth:.2f}) {'more' if value >= 0 else 'LESS'} than the best of {len(known)} views "
            f"of structures that it knows ({likest:.2f}; the truth itself resembles those by "
            f"{by_nature:.2f}).",
            {
                "correlation_truth": truth,
                "correlation_best_known": likest,
                "truth_and_best_known": by_nature,
                "snr": STRUCTURE_SNR,
            },
        )
    ]  # fmt: skip


def phase_check(method: Method, trial: Trial) -> list[Check]:
    """Replace phases beyond a resolution by random ones: whether the output knows them still."""
    pairs = trial.pairs(trial.seen, PHASE_SNR, 4)
    ring = 1 / PHASE_LIMIT
    randomised = with_random_phases(pairs.noisy, ring * trial.pixel_size, trial.generator(5))
    bins = trial.box // 2 + 1
    frequency = torch.linspace(0, 0.5 / trial.pixel_size, bins)
    beyond = (frequency > ring) & (frequency <= max(1 / PHASE_END, ring * 1.25))
    curves = {}
    for name, images in (("with", pairs.noisy), ("without", randomised)):
        denoised = in_batches(method, images)
        curves[name] = float(pooled_frc(denoised, pairs.clean, bins)[beyond].mean())
    others = torch.roll(pairs.clean, len(pairs.clean) // 2, 0)
    chance = float(pooled_frc(denoised, others, bins)[beyond].mean())
    value = curves["without"]
    return [
        Check(
            "phases", "Details taken away", value, PHASE_BAR, "at most",
            f"Where all detail finer than {PHASE_LIMIT:g} Å was scrambled in the input, the "
            f"output's detail agrees with the truth by {value:.2f} (0: nothing is made up from "
            f"memory; by chance {chance:.2f}; with the detail in place {curves['with']:.2f}).",
            {
                "frc_randomised": value,
                "frc_original": curves["with"],
                "frc_other_particles": chance,
                "beyond_angstrom": PHASE_LIMIT,
            },
        )
    ]  # fmt: skip


def doubling_check(method: Method, trial: Trial) -> list[Check]:
    """Double the signal of the same particles in the same noise: whether the output follows."""
    pairs = trial.pairs(trial.seen, 1.0, 6)
    noise = pairs.noisy - pairs.clean
    weight = pairs.mask.float()
    power = (pairs.clean.square() * weight).sum()
    responses = []
    for snr in DOUBLING_SNRS:
        denoised = in_batches(method, noise + snr**0.5 * pairs.clean)
        responses.append(float((denoised * pairs.clean * weight).sum() / power))
    ratios = [
        after / before if before > 0 else 0.0 for before, after in itertools.pairwise(responses)
    ]
    value = min(ratios)
    gains = [response / snr**0.5 for response, snr in zip(responses, DOUBLING_SNRS, strict=True)]
    return [
        Check(
            "doubling", "Twice the signal", value, DOUBLING_BAR, "at least",
            f"When the particle's contrast doubles, the output's grows {value:.2f} times at least "
            "(2 for a filter, more for a denoiser that holds back what it is not sure of, 1 for "
            "one that draws from memory).",
            {
                **{f"ratio_{k}": ratio for k, ratio in enumerate(ratios, 1)},
                **{
                    f"gain_at_snr_{snr:g}": gain
                    for snr, gain in zip(DOUBLING_SNRS, gains, strict=True)
                },
            },
        )
    ]  # fmt: skip


def references(trial: Trial) -> list[Reference]:
    """Projections of known structures, each of another one as far as there are."""
    rng = np.random.default_rng((trial.seed, 7))
    made = []
    for k in range(REFERENCES):
        volume = trial.seen[k % len(trial.seen)]
        image = crop_centre(volume.project(rotation_matrices(random_angles(rng, 1))), trial.box)
        made.append(Reference(image[0], support(image)[0]))
    return made


def known_views(trial: Trial) -> torch.Tensor:
    """Random views (k, box, box) of the known structures, under the particles' CTF."""
    rng = np.random.default_rng((trial.seed, 8))
    each = -(-VIEWS // len(trial.seen))
    return torch.cat([_views(volume, each, rng, trial.box) for volume in trial.seen])


def _views(volume: VolumeTransform, n: int, rng: np.random.Generator, box: int) -> torch.Tensor:
    factor = ctf_images(OneCtf().draw(rng, 1), volume.pixel_size, volume.padded_box)
    parts = []
    for angles in np.array_split(random_angles(rng, n), -(-n // 32)):
        slices = volume.slices(rotation_matrices(angles))
        parts.append(crop_centre(to_images(slices * factor), box))
    return torch.cat(parts)


def _best_match(images: torch.Tensor, views: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Give (n,) the largest correlation of each image with any view, inside the image's mask."""
    best: Sequence[torch.Tensor] = [
        masked_correlation(image.expand_as(views), views, where.expand_as(views)).max()
        for image, where in zip(images, mask, strict=True)
    ]
    return torch.stack(list(best))
