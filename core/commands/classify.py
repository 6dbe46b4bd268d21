"""`iceblock classify`."""

from __future__ import annotations

from typing import TextIO

from ..runs.classify.options import ClassifyOptions
from .generated import run_command


@run_command(ClassifyOptions)
def command(options: ClassifyOptions, progress: TextIO | None) -> None:
    """Sort particles into 2D classes, in seconds.

    PARTICLES is a RELION STAR file (3.0 to 5.0) or a CryoSPARC .cs file of raw particles. DIR gets
    particles.star or particles.cs (the same rows and images, with a class, a turn and an offset
    each), classes.mrcs (the class averages, the largest class first), classes.png, report.pdf and
    run.json. For RELION, run_it025_data.star, run_it025_model.star and run_it025_optimiser.star
    open in its own jobs, such as Subset selection.

    \b
    Example, in the project folder:
      iceblock classify Extract/job003/particles.star --particle-diameter 160 --out Classes
    """
    from ..runs.classify.run import run

    run(options, progress=progress)
