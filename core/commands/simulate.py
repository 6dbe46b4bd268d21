"""`iceblock simulate`."""

from __future__ import annotations

from typing import TextIO

from ..runs.simulate.options import SimulateOptions
from .generated import run_command


@run_command(SimulateOptions)
def command(options: SimulateOptions, progress: TextIO | None) -> None:
    """Write simulated particles, noisy and clean.

    DIR gets particles.star (noisy) and clean.star (the truth, CTF included), row by row the same,
    with their stacks, poses, origins and CTF values. The signal is in units of the noisy images'
    background sd.

    \b
    Example:
      iceblock simulate --volume 1oel.pdb.gz -n 2000 --box 128 --pixel-size 2.7 --out Simulated
    """
    from ..runs.simulate.run import run

    run(options, progress=progress)
