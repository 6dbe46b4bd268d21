"""`iceblock run`."""

from __future__ import annotations

from typing import TextIO

from ..runs.whole.options import WholeOptions
from .generated import run_command


@run_command(WholeOptions, groups=True, no_args_is_help=True)
def command(options: WholeOptions, progress: TextIO | None) -> None:
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
    from ..runs.whole.run import run

    run(options, progress=progress)
