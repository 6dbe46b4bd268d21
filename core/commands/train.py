"""`iceblock train`."""

from __future__ import annotations

from typing import TextIO

from ..runs.train.options import TrainOptions
from .generated import run_command


@run_command(TrainOptions, groups=True)
def command(options: TrainOptions, progress: TextIO | None) -> None:
    """Train a model on one's own ice, from nothing or from a model that ships.

    DIR gets model.safetensors (for `iceblock denoise --model`), report.pdf, run.json, metrics.csv,
    and curves.png and samples.png while it trains. The same command given again goes on where a
    stopped run was.

    \b
    Fine-tune the shipped model for a quarter of an hour:
      iceblock train --noise Noise --volume 3j5p.pdb.gz --particles particles.star \\
        --from iceblock-4B --time-limit 15m --out Tuned
    Train from nothing, with volumes to learn from and phantoms:
      iceblock train --noise Noise --volume a.mrc --volume b.pdb --phantoms 40 --out Trained
    """
    from ..runs.train.run import run

    run(options, progress=progress)
