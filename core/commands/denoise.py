"""`iceblock denoise`."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from .shared_options import (
    BATCH_SIZE,
    DATADIR,
    DENOISE_AGAIN,
    DEVICE,
    EACH_ALONE,
    KEEP_NOISE,
    MODEL,
    OUT,
    OVERWRITE,
    PASSTHROUGH,
    PATH,
    PROJECT_DIR,
    QUIET,
    contrast,
    dtype,
    pixel_size,
)


@click.command()
@click.argument("particles", type=PATH)
@OUT
@MODEL
@DEVICE
@click.option("--gpu", metavar="N[,N…]", help="GPUs by number; several share the stacks.")
@click.option(
    "--processes", type=int, metavar="N",
    help="Processes that share the stacks.  [default: one, or one for each of --gpu]",
)  # fmt: skip
@BATCH_SIZE
@dtype("Of the output; RELION reads float16 from 4.0 on.")
@KEEP_NOISE
@EACH_ALONE
@DENOISE_AGAIN
@click.option("--threads", type=int, metavar="N", help="CPU threads, all together.  [default: all]")
@pixel_size("Å per pixel.  [default: from PARTICLES, else from the stacks]")
@contrast("Of the particles; auto believes blob/sign of a .cs file, else the images.")
@PROJECT_DIR
@DATADIR
@PASSTHROUGH
@click.option(
    "--confidence", is_flag=True,
    help="Add a confidence for each particle, 0 to 1 (rlnIceblockConfidence or "
    "iceblock/confidence); takes about four times as long.",
)  # fmt: skip
@click.option(
    "--compile", is_flag=True,
    help="Compile the network first, which takes a minute; may pay for very many images.",
)  # fmt: skip
@OVERWRITE
@QUIET
def command(quiet: bool, **values: Any) -> None:
    """Denoise a particle stack.

    PARTICLES is a RELION STAR file (3.0 to 5.0) or a CryoSPARC .cs file. DIR gets particles.star or
    particles.cs (the same rows, pointing at the denoised images; a STAR file names the raw ones in
    rlnIceblockRawImageName and rlnImageOriginalName), the stacks in Particles/, run.json and
    report.pdf, and set.safetensors: what the particles have in common, which is learned first where
    they are 100 or more. The same command given again goes on where a stopped run was. Under
    torchrun or srun all processes share the stacks. Images that are denoised already are refused.

    \b
    Examples, in the project folder:
      iceblock denoise Extract/job003/particles.star --out Denoised
      iceblock denoise J3/extracted_particles.cs --project-dir . --out Denoised
    """
    from ..runs.denoise.options import DenoiseOptions
    from ..runs.denoise.run import run

    options = DenoiseOptions(**values, command=shlex.join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)
