"""`iceblock select`."""

from __future__ import annotations

from typing import TextIO

from ..runs.select.options import SelectOptions
from .generated import run_command


@run_command(SelectOptions)
def command(options: SelectOptions, progress: TextIO | None) -> None:
    """Choose the particles that are worth keeping.

    PARTICLES is a RELION STAR file (3.0 to 5.0) or a CryoSPARC .cs file, raw or denoised. Each
    particle gets a score from 0 to 1: how surely its raw image shows a particle, and not empty ice
    or contamination. DIR gets particles.star and rejected.star (or .cs) with the raw images, the
    score as rlnParticleFigureOfMerit and the evidence as rlnLogLikeliContribution, counts.star with
    the counts of each micrograph, selection.png, report.pdf and run.json.

    \b
    Examples, in the project folder:
      iceblock select Extract/job003/particles.star --out Selected
      iceblock select Denoised/particles.star --keep 80% --html --out Selected
    """
    from ..runs.select.run import run

    run(options, progress=progress)
