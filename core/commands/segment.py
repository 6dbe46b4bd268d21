"""`iceblock segment`."""

from __future__ import annotations

from typing import TextIO

import click

from ..runs.segment.options import SegmentOptions, SegmentTrainOptions
from .generated import run_command


@click.group()
def command() -> None:
    """Label micrographs: background, pollution, particle."""


@run_command(SegmentOptions, "apply")
def apply(options: SegmentOptions, progress: TextIO | None) -> None:
    """Label micrographs with the model that ships, or your own.

    MICROGRAPHS is a STAR file, a folder, or image files. DIR gets Labels/*.mrc (0 background, 1
    pollution, 2 particle), Probabilities/*.mrc, Overlays/*.png and segmentation.star. Picked
    particles, if picks are given, are always labelled.

    \b
    Example, in the project folder:
      iceblock segment apply CtfFind/job003/micrographs_ctf.star --particle-diameter 180 --out Seg
    """
    from ..runs.segment.run import run

    run(options, progress=progress)


@run_command(SegmentTrainOptions, "train")
def train(options: SegmentTrainOptions, progress: TextIO | None) -> None:
    """Sharpen the labels with your own picks: three micrographs and a few minutes will do.

    DIR gets segmentation.safetensors, a picture of each held-out micrograph, and run.json with
    the score on them.

    \b
    Example, in the project folder:
      iceblock segment train CtfFind/job003/micrographs_ctf.star --particle-diameter 180
          --picks Select/job007/particles.star --out SegModel
    """
    from ..runs.segment.train import run

    run(options, progress=progress)


command.add_command(apply)
command.add_command(train)
