"""`iceblock denoise`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ..denoise.shipped import DEFAULT


@click.command()
@click.argument("particles", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Output folder."
)
@click.option(
    "--model", default=DEFAULT, show_default=True, metavar="NAME|FILE",
    help="A shipped model (see `iceblock models`) or a model file.",
)  # fmt: skip
@click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:N",
    help="Where to compute; auto takes a GPU if there is one.",
)  # fmt: skip
@click.option("--gpu", metavar="N[,N…]", help="GPUs by number; several share the stacks.")
@click.option(
    "--processes", type=int, metavar="N",
    help="Processes that share the stacks.  [default: one, or one for each of --gpu]",
)  # fmt: skip
@click.option(
    "--batch-size", type=int, metavar="N",
    help="Images at a time.  [default: as many as are fast and fit]",
)  # fmt: skip
@click.option(
    "--dtype", default="float32", show_default=True, metavar="float32|float16",
    help="Of the output; RELION reads float16 from 4.0 on.",
)  # fmt: skip
@click.option(
    "--keep-noise", default=0.0, show_default=True, metavar="A",
    help="Part (0 to 1) of the raw image to keep: (1-A) denoised + A raw.",
)  # fmt: skip
@click.option(
    "--each-alone", is_flag=True,
    help="Denoise every particle by itself, without what the others of its set teach.",
)  # fmt: skip
@click.option("--threads", type=int, metavar="N", help="CPU threads, all together.  [default: all]")
@click.option(
    "--pixel-size", type=float, metavar="A",
    help="Å per pixel.  [default: from PARTICLES, else from the stacks]",
)  # fmt: skip
@click.option(
    "--contrast", default="auto", show_default=True, metavar="auto|white|black",
    help="Of the particles; auto believes blob/sign of a .cs file, else the images.",
)  # fmt: skip
@click.option(
    "--project-dir", type=click.Path(path_type=Path), metavar="DIR",
    help="Of CryoSPARC, where paths in a .cs file start.  [default: found]",
)  # fmt: skip
@click.option(
    "--passthrough", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="A passthrough .cs file whose fields are added, by uid; may be given again.",
)  # fmt: skip
@click.option(
    "--confidence", is_flag=True,
    help="Add a confidence for each particle, 0 to 1 (rlnIceblockConfidence or "
    "iceblock/confidence); takes about four times as long.",
)  # fmt: skip
@click.option(
    "--compile", "compiled", is_flag=True,
    help="Compile the network first, which takes a minute; may pay for very many images.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace what another run left in DIR.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, no remarks.")
def command(quiet: bool, **values: Any) -> None:
    """Denoise a particle stack.

    PARTICLES is a RELION STAR file (3.0 to 5.0) or a CryoSPARC .cs file. DIR gets particles.star or
    particles.cs (the same rows, pointing at the denoised images; a STAR file names the raw ones in
    rlnImageOriginalName), the stacks in Particles/, run.json and report.pdf, and set.safetensors:
    what the particles have in common, which is learned first where they are 100 or more. The same
    command given again goes on where a stopped run was. Under torchrun or srun all processes share
    the stacks.

    \b
    Examples, in the project folder:
      iceblock denoise Extract/job003/particles.star --out Denoised
      iceblock denoise J3/extracted_particles.cs --project-dir . --out Denoised
    """
    from ..runs.denoise.options import DenoiseOptions
    from ..runs.denoise.run import run

    options = DenoiseOptions(**values, command=shlex.join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)
