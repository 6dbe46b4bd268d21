"""`iceblock evaluate`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from .shared_options import (
    DATADIR,
    DEVICE,
    OUT,
    OVERWRITE,
    PATH,
    PROJECT_DIR,
    THREADS,
    contrast,
    pixel_size,
    volumes,
)

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("denoised", type=PATH)
@OUT
@click.option(
    "--raw", type=PATH, metavar="FILE",
    help="The particles that were denoised.  [default: as DENOISED or the run.json beside it says]",
)  # fmt: skip
@click.option(
    "--clean", type=PATH, metavar="FILE",
    help="True images, row by row those of DENOISED, where particles were simulated.",
)  # fmt: skip
@click.option(
    "--model", metavar="NAME|FILE",
    help="The model that denoised them.  [default: as the run.json beside DENOISED says]",
)  # fmt: skip
@click.option(
    "--noise", type=PATH, metavar="BANK",
    help="Noise bank that the model was trained on.  [default: what the model's card says of it]",
)  # fmt: skip
@volumes(
    "Map or atomic model that the denoiser may know and must not paint into noise; may be "
    "given again.  [default: phantoms]"
)
@click.option(
    "--sample", default=200, show_default=True, metavar="N", help="Particles at most to look at."
)
@click.option(
    "--no-gate", "gate", is_flag=True, flag_value=False, default=True,
    help="Leave out the trial of the model for hallucination, which takes a minute or two.",
)  # fmt: skip
@contrast("Of the particles; auto believes the denoising run.")
@DEVICE
@THREADS
@pixel_size("Å per pixel.  [default: from DENOISED, else from the stacks]")
@PROJECT_DIR
@DATADIR
@OVERWRITE
@click.option("-q", "--quiet", is_flag=True, help="No remarks.")
def command(quiet: bool, volumes: tuple[Path, ...], **values: Any) -> None:
    """Tell how far to trust denoised particles.

    DENOISED is the STAR or .cs file that `iceblock denoise` made, or a selection from it. DIR gets
    report.pdf and report.html (pictures, spectra, noise, confidences, warnings, and whether the
    model invents what is not there) and evaluate.json with the numbers.

    \b
    Examples:
      iceblock evaluate Denoised/particles.star --out Trust
      iceblock evaluate Denoised/particles.star --noise Noise --volume ref.mrc --out Trust
    """
    from ..runs.evaluate.options import EvaluateOptions
    from ..runs.evaluate.run import run

    options = EvaluateOptions(volumes=volumes, **values, command=shlex.join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)
