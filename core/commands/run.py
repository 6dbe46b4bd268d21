"""`iceblock run`."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from ..denoise.shipped import DEFAULT
from .shared_options import (
    DATADIR,
    DEVICE,
    EACH_ALONE,
    KEEP_NOISE,
    OUT,
    PATH,
    PROJECT_DIR,
    THREADS,
    contrast,
    dtype,
    pixel_size,
    seed,
    volumes,
)


@click.command(no_args_is_help=True)
@click.argument("particles", type=PATH)
@OUT
@click.option(
    "--micrographs", multiple=True, type=PATH, metavar="FILE|DIR",
    help="A micrographs STAR file, a folder, or image files.  [default: none; no model is trained]",
)  # fmt: skip
@click.option(
    "--picks", type=PATH, metavar="FILE",
    help="As for `iceblock noise`.  [default: the coordinates in PARTICLES]",
)  # fmt: skip
@volumes(
    "Reference: a map (.mrc, .map) or atomic model (.pdb, .cif), also .gz; several are mixed. "
    "Without one no model is trained."
)
@click.option(
    "--time-limit", metavar="TIME",
    help="Of fine-tuning: 90s, 30m or 2h.  [default: 15m, without a limit if --steps is given]",
)  # fmt: skip
@click.option("--steps", type=int, metavar="N", help="Of fine-tuning, at most.")
@click.option(
    "--particle-diameter", type=float, metavar="Å",
    help="Longest side in Å.  [default: that of the volume, else 0.6 of the particles' box]",
)  # fmt: skip
@click.option(
    "--noise-box", type=int, metavar="PIXELS",
    help="Of the noise blocks, in the micrographs.  [default: as large as the particles' box, or "
    "half or a quarter of it where ice has no room]",
)  # fmt: skip
@click.option(
    "--model", default=DEFAULT, show_default=True, metavar="NAME|FILE",
    help="What is fine-tuned: a shipped model (see `iceblock models`) or a model file.",
)  # fmt: skip
@click.option(
    "--segmentation", metavar="NAME|FILE", help="Segmentation model.  [default: what ships]"
)
@click.option("--gpu", metavar="N[,N…]", help="GPUs by number; several fine-tune together.")
@DEVICE
@THREADS
@dtype("Of the denoised images; RELION reads float16 from 4.0 on.")
@KEEP_NOISE
@EACH_ALONE
@click.option(
    "--confidence", is_flag=True,
    help="Add a confidence for each particle, as `iceblock denoise` does.",
)  # fmt: skip
@click.option("--batch-size", type=int, metavar="N", help="Images denoised at a time.")
@contrast("Of the particles.")
@click.option(
    "--no-gate", "gate", is_flag=True, flag_value=False, default=True,
    help="Leave out trying the model for hallucination, which takes about a minute.",
)  # fmt: skip
@pixel_size("Å per pixel of the particles.  [default: from PARTICLES, else from the stacks]")
@PROJECT_DIR
@DATADIR
@click.option(
    "--micrograph-pixel-size", type=float, metavar="Å",
    help="Å per pixel of the micrographs.  [default: from the STAR file, else from the images]",
)  # fmt: skip
@seed("Of fine-tuning.")
@click.option(
    "--overwrite", is_flag=True,
    help="Make again what another run in DIR made from other inputs or settings.",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No progress bars, no remarks.")
def command(quiet: bool, time_limit: str | None, segmentation: str | None, **values: Any) -> None:
    """Train the model on a project's own noise and denoise with it, in one command.

    PARTICLES is a RELION STAR file or a CryoSPARC .cs file. iceblock cuts blocks of pure noise out
    of the micrographs (DIR/Noise), and fine-tunes the model that ships on them and on the reference
    volume (DIR/Model). It denoises the particles with the fine-tuned model, if that is surely
    better (DIR/Denoised). Then it examines the result (DIR/Trust). DIR/report.pdf sums it up. Only
    PARTICLES is needed: without micrographs or a volume no model is trained and the model that
    ships denoises; the report says so. If a run was stopped, the same command goes on where it
    was.

    \b
    Example, in the project folder:
      iceblock run Extract/job007/particles.star --volume InitialModel/job012/initial_model.mrc \\
          --micrographs CtfFind/job003/micrographs_ctf.star --out Iceblock
    """
    from ..runs.durations import parse_duration
    from ..runs.whole.options import WholeOptions
    from ..runs.whole.run import run

    if segmentation is not None:
        values["segmentation"] = segmentation
    options = WholeOptions(
        **values,
        time_limit=None if time_limit is None else parse_duration(time_limit),
        command=shlex.join(sys.argv),
    )
    run(options, progress=None if quiet else sys.stderr)
