"""Options that several commands have, in one wording each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..denoise.shipped import DEFAULT
from ..errors import IceblockError

if TYPE_CHECKING:
    from collections.abc import Callable

    Option = Callable[[Any], Any]

PATH = click.Path(path_type=Path)

OUT = click.option("--out", required=True, type=PATH, metavar="DIR", help="Output folder.")
OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace what another run left in DIR.")
QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress bar, no remarks.")
MODEL = click.option(
    "--model", default=DEFAULT, show_default=True, metavar="NAME|FILE",
    help="A shipped model (see `iceblock models`) or a model file.",
)  # fmt: skip
DEVICE = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:N",
    help="Where to compute; auto takes a GPU if there is one.",
)  # fmt: skip


def _at_least_one(context: click.Context, option: click.Parameter, value: int | None) -> int | None:
    """Refuse what torch would end in a traceback, for every command in one place."""
    if value is not None and value < 1:
        raise IceblockError(f"{option.name} is {value} and must be at least 1.")
    return value


THREADS = click.option(
    "--threads", type=int, metavar="N", callback=_at_least_one,
    help="CPU threads.  [default: all]",
)  # fmt: skip
BATCH_SIZE = click.option(
    "--batch-size", type=int, metavar="N",
    help="Images at a time.  [default: as many as are fast and fit]",
)  # fmt: skip
KEEP_NOISE = click.option(
    "--keep-noise", default=0.0, show_default=True, metavar="PART",
    help="Part of the raw image to keep, 0 to 1: (1 - PART) denoised + PART raw.",
)  # fmt: skip
EACH_ALONE = click.option(
    "--each-alone", is_flag=True,
    help="Denoise every particle by itself, without what the others of its set teach.",
)  # fmt: skip
DENOISE_AGAIN = click.option(
    "--denoise-again", is_flag=True,
    help="Accept images that iceblock has denoised already.  [default: they are refused]",
)  # fmt: skip
PROJECT_DIR = click.option(
    "--project-dir", type=PATH, metavar="DIR",
    help="Of CryoSPARC, where paths in a .cs file start.  [default: found]",
)  # fmt: skip
DATADIR = click.option(
    "--datadir", type=PATH, metavar="DIR",
    help="Where the stacks of a STAR file lie, in one folder.  [default: where it says]",
)  # fmt: skip
PASSTHROUGH = click.option(
    "--passthrough", multiple=True, type=PATH, metavar="FILE",
    help="A passthrough .cs file whose fields are added, by uid; may be given again.",
)  # fmt: skip
START = click.option(
    "--from", "start", metavar="NAME|FILE",
    help="Start from a shipped model (see `iceblock models`) or a model file: fine-tuning.",
)  # fmt: skip
TRAINING_GPUS = click.option(
    "--gpu", metavar="N[,N…]", help="GPUs by number; several train one model together."
)


def contrast(whose: str) -> Option:
    """Make the option of the particles' contrast; `whose` says how auto decides."""
    return click.option(
        "--contrast", default="auto", show_default=True, metavar="auto|white|black", help=whose
    )


def dtype(of: str) -> Option:
    """Make the option of the type of the images that are written."""
    return click.option(
        "--dtype", default="float32", show_default=True, metavar="float32|float16", help=of
    )


def seed(of: str) -> Option:
    """Make the option of the seed of all that is drawn."""
    return click.option("--seed", default=0, show_default=True, metavar="N", help=of)


def pixel_size(text: str) -> Option:
    """Make the option of a pixel size in Å."""
    return click.option("--pixel-size", type=float, metavar="Å", help=text)


def volumes(text: str) -> Option:
    """Make the option of maps and atomic models."""
    return click.option("--volume", "volumes", multiple=True, type=PATH, metavar="FILE", help=text)
