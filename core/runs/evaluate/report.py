"""What an evaluation tells the user: its numbers in words, its warnings, its advice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...denoise.confidence import outline
from ...denoise.views import working_box
from ...errors import IceblockError
from ...figures.denoise_report import range_warnings
from ...figures.evidence_page import evidence_page
from ...figures.gallery import gallery, spectra, strip
from ...figures.sample import Sample
from ...figures.trust_figures import confidence_page, noise_page, truth_page
from ...figures.trust_report import TrustReport, verdict, write_html, write_pdf
from ...remarks import warn
from ...sets.stacking.evidence_words import evidence_words
from ...signal.agreement import crossing, frc, masked_correlation
from ...signal.bootstrap import interval
from .options import PAGE
from .own_evidence import evidence_of, why_not

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from ...denoise.inference import Denoiser
    from ...denoise.model_file import ModelCard
    from ...evaluate.data_set import Background, NoiseMatch
    from ...evaluate.gate import Check
    from ..denoise.record import BoxCounts
    from .inputs import Evaluated
    from .options import EvaluateOptions

    Floats = npt.NDArray[np.float64]

UNLIKE = 2.0
"""Factor between spectra of noise from which on it is a warning."""
DOUBTFUL = 0.3
"""Median confidence below which it is a warning."""
GOOD_ADVICE = (
    "Use the denoised images for looking and for picking out good particles; classify and refine "
    "the raw particles (iceblock classify, RELION), because denoised images are not independent "
    "of what the network and the set have shown."
)
BAD_ADVICE = (
    "Look at these images beside the raw ones only, and decide nothing by them: fine-tune the "
    "model on this data set's own noise (iceblock noise, then iceblock train --from), or use "
    "another model, and evaluate again. Refine the raw particles in any case."
)


@dataclass(frozen=True)
class Findings:
    """What was measured."""

    background: Background
    snr: float
    match: NoiseMatch | None
    bank: Path | None
    """That the match was made with; None where it was the model's card."""
    confidences: Floats | None
    whole: bool
    """Whether every particle has its confidence."""
    checks: list[Check]
    boxes: BoxCounts | None
    """None where there are too few particles."""


@dataclass(frozen=True)
class Judgement:
    """What the report says."""

    verdict: str
    values: dict[str, Any]

    @property
    def json(self) -> str:
        """The values as the text of a file."""
        return json.dumps(self.values, indent=2) + "\n"


def report(
    options: EvaluateOptions,
    seen: Evaluated,
    denoiser: Denoiser | None,
    found: Findings,
    warned: Sequence[str],
) -> Judgement:
    """Write the report in both forms; returns what it says.

    Parameters
    ----------
    options, seen, denoiser, found
        Of the evaluation.
    warned
        The list that takes all that is warned of.
    """
    card = denoiser.model.card if denoiser else None
    small, working = _seen_by_network(seen, card)
    for warning in _warnings(seen, card, found, small, working):
        warn(warning)
    warnings = list(warned)
    truth, truth_figure = _truth(seen)
    sentence = verdict(found.checks, warnings)
    failed = any(not check.passed for check in found.checks)
    facts = _facts(options, seen, denoiser, found, small, working)
    evidence = evidence_of(seen.record)
    said = evidence_words(evidence) if evidence else why_not(seen.record)
    facts.append(("the set's own images", said))
    limit = 2 * working
    sample = _sample(seen, found)
    pictures = [
        ("Before and after", gallery(sample, "Before and after")),
        ("Power spectra", spectra(seen.raw, seen.denoised, seen.pixel_size, limit)),
        ("Noise", noise_page(found.background, found.match, seen.pixel_size, limit)),
    ]  # fmt: skip
    if found.confidences is not None:
        pictures.append(("Confidence", confidence_page(found.confidences, found.whole)))
    if evidence is not None:
        pictures.append(("What the set's own images tell", evidence_page(evidence)))
    if truth_figure is not None:
        pictures.append(("Agreement with the truth", truth_figure))
        facts += [(f"truth, {name}", _truth_words(scores)) for name, scores in truth.items()]
    advice = [BAD_ADVICE if failed else GOOD_ADVICE, seen.particles.way_back]
    made = TrustReport(
        sentence, facts, warnings, advice, found.checks, pictures, strip(sample), seen.pixel_size
    )
    write_pdf(options.out / options.report, made)
    write_html(options.out / PAGE, made)
    values = {
        "verdict": sentence,
        "passed": not failed if found.checks else None,
        "warnings": warnings,
        "gate": [check.record() for check in found.checks],
        **_numbers(seen, found, small, working),
        "evidence": evidence and evidence.plain(),
        "truth": truth,
    }
    return Judgement(sentence, values)


def _sample(seen: Evaluated, found: Findings) -> Sample:
    """Give the particles that were looked at, for pictures."""
    own = seen.particles.confidences
    confidences = None if own is None or not found.whole else own[seen.rows].astype(np.float64)
    return Sample(
        seen.raw, seen.denoised, seen.pixel_size, seen.rows + 1, confidences, seen.contrast
    )


def _seen_by_network(seen: Evaluated, card: ModelCard | None) -> tuple[int, float]:
    """Give box and pixel size (Å) at which the network sees the images."""
    small = working_box(seen.box, seen.pixel_size, card.working_pixel_size) if card else seen.box
    return small, seen.box * seen.pixel_size / small


def _warnings(
    seen: Evaluated, card: ModelCard | None, found: Findings, small: int, working: float
) -> list[str]:
    warnings = []
    if card is None:
        warnings.append(
            "The model that made these images is not known (no run.json beside them, or its model "
            "is gone): name it with --model, so that it can be tried."
        )
    else:
        warnings += range_warnings(card, working, small)
        warnings += _outside(seen, card, found)
    if found.match is not None and found.match.ratio > UNLIKE:
        warnings.append(
            f"The noise about these particles is unlike that of training (their spectra differ by "
            f"a factor {found.match.ratio:.1f}): fine-tune the model on this data set's own noise."
        )
    if found.confidences is not None and float(np.median(found.confidences)) < DOUBTFUL:
        warnings.append(
            f"The median confidence is {np.median(found.confidences):.2f}: most particles are too "
            "noisy for their denoised images to show much."
        )
    kept = seen.record.identity.get("keep_noise", 0)
    if kept:
        warnings.append(f"{kept:g} of each raw image was kept in the denoised ones (keep-noise).")
    return warnings


def _outside(seen: Evaluated, card: ModelCard, found: Findings) -> list[str]:
    """Sentences for an SNR and defocus values that the model was not trained for."""
    warnings = []
    low, high = card.snr_range
    if not low <= found.snr <= high:
        side = "below" if found.snr < low else "above"
        about = f"about {found.snr:.2g}" if found.snr > 0 else "too low to be measured"
        warnings.append(
            f"Out of range: the SNR inside the particles is {about}, {side} the {low:g}–{high:g} "
            "that the model was trained for."
        )
    defocus = _defocus(seen)
    if defocus is not None:
        low, high = card.defocus_range
        outside = (defocus < 0.9 * low) | (defocus > 1.1 * high)
        if outside.mean() > 0.02:
            warnings.append(
                f"Out of range: {100 * outside.mean():.0f} % of the particles have a defocus "
                f"outside the {low:.0f}–{high:.0f} Å that the model was trained for."
            )
    return warnings


def _defocus(seen: Evaluated) -> Floats | None:
    """Mean defocus (N,) of all particles, Å; None where the table has no complete CTF."""
    try:
        ctf = seen.particles.ctf()
    except IceblockError:  # a defocus without the microscope's settings is no reason to stop
        return None
    return None if ctf is None else (ctf["defocus_u"] + ctf["defocus_v"]) / 2


def _facts(
    options: EvaluateOptions,
    seen: Evaluated,
    denoiser: Denoiser | None,
    found: Findings,
    small: int,
    working: float,
) -> list[tuple[str, str]]:
    facts = [
        ("denoised particles", f"{options.denoised}: {seen.particles.n}, of which "
         f"{len(seen.rows)} were looked at"),
        ("box, pixel size", f"{seen.box} px, {seen.pixel_size:.4g} Å"),
    ]  # fmt: skip
    if denoiser:
        facts += [
            ("model", f"{denoiser.model.card.name}, {denoiser.model.sha256[:12]}"),
            ("network saw", f"{small} px, {working:.3g} Å: nothing beyond {2 * working:.1f} Å is "
             "kept"),
        ]  # fmt: skip
    facts += [
        ("SNR inside the particles", f"about {found.snr:.2g} (variance of the signal over that of "
         "the noise)"),
        ("noise compared with", _compared_with(found)),
    ]  # fmt: skip
    if found.match:
        facts.append(("likeness of the noise", f"spectra within a factor {found.match.ratio:.2f}"))
    if found.confidences is not None:
        low, middle, high = np.percentile(found.confidences, (10, 50, 90))
        facts.append(("confidence", f"median {middle:.2f}, 80 % between {low:.2f} and {high:.2f}"))
    passed = sum(check.passed for check in found.checks)
    if found.checks:
        facts.append(("checks for invention", f"{passed} of {len(found.checks)} passed"))
    return facts


def _compared_with(found: Findings) -> str:
    if found.match is None:
        return "nothing: give the model's bank with --noise"
    return str(found.bank or f"noise {found.match.source}")


def _numbers(seen: Evaluated, found: Findings, small: int, working: float) -> dict[str, Any]:
    confidences = found.confidences
    match = found.match
    return {
        "particles": seen.particles.n,
        "sample": len(seen.rows),
        "box": seen.box,
        "pixel_size": seen.pixel_size,
        "working_box": small,
        "working_pixel_size": round(working, 4),
        "snr": round(found.snr, 4),
        "background": {
            "skewness": round(found.background.skewness, 4),
            "kurtosis": round(found.background.kurtosis, 4),
            "power": [round(float(value), 5) for value in found.background.power],
        },
        "training_noise": None if match is None else {
            "bank": str(found.bank) if found.bank else None,
            "spectral_factor": round(match.ratio, 3),
            "skewness": round(match.skewness, 4),
            "kurtosis": round(match.kurtosis, 4),
        },
        "boxes": None if found.boxes is None else vars(found.boxes),
        "confidence": None if confidences is None else {
            "particles": len(confidences),
            "all": found.whole,
            **{f"percentile_{p}": round(float(np.percentile(confidences, p)), 4)
               for p in (10, 50, 90)},
        },
    }  # fmt: skip


def _truth(seen: Evaluated) -> tuple[dict[str, dict[str, float]], Figure | None]:
    """Score raw and denoised images against the true ones."""
    if seen.clean is None:
        return {}, None
    truth = torch.from_numpy(seen.clean)
    mask = outline(truth, seen.pixel_size)
    scores, curves, correlations = {}, {}, {}
    for name, images in (("raw", seen.raw), ("denoised", seen.denoised)):
        own = torch.from_numpy(images)
        correlations[name] = masked_correlation(own, truth, mask).double().numpy()
        curve = frc(own, truth).mean(0)
        curves[name] = curve.double().numpy()
        found = interval(correlations[name])
        scores[name] = {
            "correlation": round(found.mean, 4),
            "low": round(found.low, 4),
            "high": round(found.high, 4),
            "frc_0.5": round(float(crossing(curve, seen.pixel_size, 0.5)), 2),
            "frc_0.143": round(float(crossing(curve, seen.pixel_size, 1 / 7)), 2),
        }
    return scores, truth_page(curves, correlations, seen.pixel_size)


def _truth_words(scores: dict[str, float]) -> str:
    return (
        f"correlation {scores['correlation']:.3f} ({scores['low']:.3f}–{scores['high']:.3f}); "
        f"Fourier ring correlation 0.5 at {scores['frc_0.5']:.1f} Å, 0.143 at "
        f"{scores['frc_0.143']:.1f} Å"
    )
