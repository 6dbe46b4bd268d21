"""`iceblock evaluate`."""

from __future__ import annotations

from typing import TextIO

from ..runs.evaluate.options import EvaluateOptions
from .generated import run_command


@run_command(EvaluateOptions)
def command(options: EvaluateOptions, progress: TextIO | None) -> None:
    """Tell how far to trust denoised particles.

    DENOISED is the STAR or .cs file that `iceblock denoise` made, or a selection from it. DIR gets
    report.pdf and report.html (pictures, spectra, noise, confidences, warnings, and whether the
    network alone and the whole result invent what is not there) and evaluate.json with the numbers.

    \b
    Examples:
      iceblock evaluate Denoised/particles.star --out Trust
      iceblock evaluate Denoised/particles.star --noise Noise --volume ref.mrc --out Trust
    """
    from ..runs.evaluate.run import run

    run(options, progress=progress)
