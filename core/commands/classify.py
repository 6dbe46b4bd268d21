"""`iceblock classify`."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from .shared_options import (
    DATADIR,
    OUT,
    OVERWRITE,
    PASSTHROUGH,
    PATH,
    PROJECT_DIR,
    QUIET,
    THREADS,
    contrast,
    pixel_size,
    seed,
)


@click.command()
@click.argument("particles", type=PATH)
@OUT
@click.option(
    "--classes", type=int, metavar="K",
    help="Class averages, beside a class of empty images.  [default: one for 100 images, up to 50]",
)  # fmt: skip
@click.option(
    "--particle-diameter", type=float, metavar="Å",
    help="Of the circular mask.  [default: three quarters of the box]",
)  # fmt: skip
@click.option("--iterations", default=25, show_default=True, metavar="N", help="Of learning.")
@seed("Of the first class averages.")
@contrast("Of the particles; auto believes blob/sign of a .cs file, else the images.")
@pixel_size("Å per pixel.  [default: from PARTICLES, else from the stacks]")
@PROJECT_DIR
@DATADIR
@PASSTHROUGH
@THREADS
@OVERWRITE
@QUIET
def command(quiet: bool, **values: Any) -> None:
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
    from ..runs.classify.options import ClassifyOptions
    from ..runs.classify.run import run

    options = ClassifyOptions(**values, command=shlex.join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)
