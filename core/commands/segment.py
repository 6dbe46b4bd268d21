"""`iceblock segment`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from .shared_options import OUT, OVERWRITE, PATH, QUIET, THREADS, pixel_size, seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MICROGRAPHS = click.argument("micrographs", nargs=-1, required=True, type=PATH)
_DIAMETER = click.option(
    "--particle-diameter", type=float, required=True, metavar="Å",
    help="Longest diameter of the particle in Å.",
)  # fmt: skip
_PICKS: dict[str, Any] = {
    "type": PATH,
    "metavar": "FILE|DIR",
    "help": "Picks: autopick.star, coords_suffix_*.star, particles.star, or a folder of .star, "
    "EMAN .box or .json, or crYOLO .cbox files.",
}
_SHARED: tuple[Callable[..., Any], ...] = (
    click.option(
        "--masks", type=PATH, metavar="DIR",
        help="Folder with masks of pollution, named like the micrographs (MRC, PNG, TIFF).",
    ),
    pixel_size("Å per pixel of the micrographs.  [default: from their files]"),
    THREADS,
    OVERWRITE,
    QUIET,
)  # fmt: skip


def _shared(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_SHARED):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Label micrographs: background, pollution, particle."""


@command.command()
@_MICROGRAPHS
@_DIAMETER
@OUT
@click.option("--picks", **_PICKS)
@click.option(
    "--model", metavar="NAME|FILE",
    help="A model from `iceblock segment train`.  [default: the one that ships]",
)  # fmt: skip
@click.option(
    "--device", default="cpu", show_default=True, metavar="auto|cpu|cuda|cuda:N",
    help="Where to compute; auto takes a GPU if there is one.",
)  # fmt: skip
@_shared
def apply(micrographs: tuple[Path, ...], model: str | None, quiet: bool, **values: Any) -> None:
    """Label micrographs with the model that ships, or your own.

    MICROGRAPHS is a STAR file, a folder, or image files. DIR gets Labels/*.mrc (0 background, 1
    pollution, 2 particle), Probabilities/*.mrc, Overlays/*.png and segmentation.star. Picked
    particles, if picks are given, are always labelled.

    \b
    Example, in the project folder:
      iceblock segment apply CtfFind/job003/micrographs_ctf.star --particle-diameter 180 --out Seg
    """
    from ..runs.segment.run import SegmentOptions, run
    from ..segment.model_file import DEFAULT

    options = SegmentOptions(
        micrographs=micrographs, model=model or DEFAULT, command=shlex.join(sys.argv), **values
    )
    run(options, progress=None if quiet else sys.stderr)


@command.command()
@_MICROGRAPHS
@_DIAMETER
@OUT
@click.option("--picks", required=True, **_PICKS)
@click.option(
    "--from", "start", metavar="NAME|FILE|none",
    help="Model to go on from; `none` for a new network.  [default: the one that ships]",
)  # fmt: skip
@click.option("--steps", default=300, show_default=True, metavar="N", help="Training steps.")
@click.option(
    "--hold-out", default=1, show_default=True, metavar="N",
    help="Micrographs kept out of training, to score the result on.",
)  # fmt: skip
@seed("Decides every draw.")
@_shared
def train(micrographs: tuple[Path, ...], start: str | None, quiet: bool, **values: Any) -> None:
    """Sharpen the labels with your own picks: three micrographs and a few minutes will do.

    DIR gets segmentation.safetensors, a picture of each held-out micrograph, and run.json with
    the score on them.

    \b
    Example, in the project folder:
      iceblock segment train CtfFind/job003/micrographs_ctf.star --particle-diameter 180
          --picks Select/job007/particles.star --out SegModel
    """
    from ..runs.segment.train import SegmentTrainOptions, run
    from ..segment.model_file import DEFAULT

    options = SegmentTrainOptions(
        micrographs=micrographs, start=start or DEFAULT, command=shlex.join(sys.argv), **values
    )
    run(options, progress=None if quiet else sys.stderr)
