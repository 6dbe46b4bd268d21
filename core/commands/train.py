"""`iceblock train`."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from .shared_options import (
    DATADIR,
    DEVICE,
    OUT,
    OVERWRITE,
    PATH,
    QUIET,
    START,
    THREADS,
    TRAINING_GPUS,
    pixel_size,
    seed,
    volumes,
)


@click.command()
@click.option(
    "--noise", multiple=True, required=True, type=PATH, metavar="BANK",
    help="Noise bank (its folder or blocks.star) or a stack of noise blocks; several are mixed.",
)  # fmt: skip
@volumes("Map (.mrc, .map) or atomic model (.pdb, .cif), also .gz; several are mixed.")
@OUT
@click.option(
    "--particles", type=PATH, metavar="STAR",
    help="What will be denoised: gives box, pixel size and CTFs.  [default: from the noise and "
    "the volumes; defocus 0.5 to 3.5 µm]",
)  # fmt: skip
@DATADIR
@click.option(
    "--particle-pixel-size", type=float, metavar="Å",
    help="Å per pixel of the particles.  [default: from STAR, else from the stacks]",
)  # fmt: skip
@START
@click.option(
    "--held-out", multiple=True, type=PATH, metavar="FILE",
    help="Volume for validation alone.  [default: a fifth of several volumes]",
)  # fmt: skip
@click.option(
    "--phantoms", default=0, show_default=True, metavar="N",
    help="Random protein-like phantoms to add to the volumes.",
)  # fmt: skip
@click.option(
    "--preset", default="default", show_default=True, metavar="default|large|paper",
    help="Network, loss and schedule; paper: Tang et al. 2022 with 256-pixel images.",
)  # fmt: skip
@click.option(
    "--steps", type=int, metavar="N",
    help="Where to stop.  [default: 6000, with --from 1500, none with a time limit]",
)  # fmt: skip
@click.option(
    "--time-limit", metavar="TIME",
    help="Stop after 90s, 30m or 2h of training, over all sittings; the learning rate falls in "
    "time.",
)  # fmt: skip
@click.option(
    "--patience", type=int, metavar="N",
    help="End early when the held-out score has not risen for N validations.",
)  # fmt: skip
@click.option(
    "--box", type=int, metavar="PIXELS",
    help="Even box of the training images, at their pixel size.  [default: as the particles have "
    "there, else room for the volumes]",
)  # fmt: skip
@pixel_size(
    "Å per pixel of the training images.  [default: as the network will see the particles, "
    "else 4 or that of the noise]"
)
@click.option(
    "--snr-range", nargs=2, type=float, metavar="LOW HIGH",
    help="Signal over noise variance inside the particle, drawn log-uniformly.  [default: 0.01 2]",
)  # fmt: skip
@click.option(
    "--loss", metavar="mse|l1", help="Error of the pixels.  [default: the preset's]",
)  # fmt: skip
@click.option(
    "--adversarial", type=float, metavar="WEIGHT",
    help="Weight of the discriminator's loss; 0: none.  [default: the preset's]",
)  # fmt: skip
@click.option(
    "--perceptual", metavar="none|random|domain|vgg19",
    help="Network of the perceptual loss.  [default: the preset's]",
)  # fmt: skip
@click.option(
    "--vgg19", type=PATH, metavar="FILE",
    help="torchvision's vgg19-dcbb9e9d.pth, or a .safetensors; nothing is downloaded.",
)  # fmt: skip
@click.option(
    "--learning-rate", type=float, metavar="RATE", help="[default: the preset's; less with --from]"
)
@click.option(
    "--batch-size", type=int, metavar="N",
    help="64-pixel images in a step; larger boxes come in smaller batches.  [default: the "
    "preset's, 32]",
)  # fmt: skip
@click.option("--compile", is_flag=True, help="Let torch.compile fuse operations (GPUs).")
@TRAINING_GPUS
@DEVICE
@THREADS
@seed("The same seed and --threads give the same model on a CPU.")
@click.option(
    "--resume", is_flag=True,
    help="Refuse to begin anew: DIR must hold this run, stopped.  [the same command goes on "
    "anyway]",
)  # fmt: skip
@OVERWRITE
@click.option("--name", metavar="NAME", help="Of the model.  [default: DIR's name]")
@QUIET
def command(quiet: bool, time_limit: str | None, **values: Any) -> None:
    """Train a model on one's own ice, from nothing or from a model that ships.

    DIR gets model.safetensors (for `iceblock denoise --model`), report.pdf, run.json, metrics.csv,
    and curves.png and samples.png while it trains. The same command given again goes on where a
    stopped run was.

    \b
    Fine-tune the shipped model for a quarter of an hour:
      iceblock train --noise Noise --volume 3j5p.pdb.gz --particles particles.star \\
        --from iceblock-4A --time-limit 15m --out Tuned
    Train from nothing, with volumes to learn from and phantoms:
      iceblock train --noise Noise --volume a.mrc --volume b.pdb --phantoms 40 --out Trained
    """
    from ..runs.durations import parse_duration
    from ..runs.train.options import TrainOptions
    from ..runs.train.run import run

    limit = None if time_limit is None else parse_duration(time_limit)
    options = TrainOptions(**values, time_limit=limit, command=shlex.join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)
