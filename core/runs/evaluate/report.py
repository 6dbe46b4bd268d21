"""What an evaluation tells the user: its numbers in words, its warnings, its advice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...denoise.inference import Denoiser
from ...denoise.model_file import ModelCard
from ...denoise.views import working_box
from ...figures.evidence_page import evidence_page
from ...figures.gallery import gallery, spectra, strip
from ...figures.sample import Sample
from ...figures.trust_figures import confidence_page, noise_page
from ...figures.trust_report import TrustReport, checks_words, verdict, write_html, write_pdf
from ...remarks import warn
from ...sets.stacking.evidence_words import evidence_words
from ...wording import offered
from .findings import Findings, doubts
from .inputs import Evaluated
from .options import PAGE, EvaluateOptions
from .own_evidence import evidence_of, why_not
from .truth import truth_of, truth_words

Floats = npt.NDArray[np.float64]

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
    for warning in doubts(seen, card, found, small, working):
        warn(warning)
    warnings = list(warned)
    truth, truth_figure = truth_of(seen)
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
        facts += [(f"truth, {name}", truth_words(scores)) for name, scores in truth.items()]
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
        "whole_result_not_tried": found.not_whole or None,
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
    if found.checks:
        facts.append(("checks for invention", checks_words(found.checks, found.not_whole)))
    return facts


def _compared_with(found: Findings) -> str:
    if found.match is None:
        advice = offered(["give the model's bank with --noise"])
        return f"nothing: {advice}" if advice else "nothing: no noise of the model is known"
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
