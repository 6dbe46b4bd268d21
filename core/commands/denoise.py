"""`iceblock denoise`."""

from __future__ import annotations

from typing import TextIO

import click

from ..runs.denoise.options import DenoiseCommand
from .generated import run_command


@run_command(DenoiseCommand, groups=True)
def command(options: DenoiseCommand, progress: TextIO | None) -> None:
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
      iceblock denoise Extract/job003/particles.star --every 50 --out Look
    """
    if options.dry_run:
        from ..runs.denoise.dry_run import dry_run

        click.echo(dry_run(options, progress=progress))
        return
    from ..runs.denoise.run import run

    run(options, progress=progress)
