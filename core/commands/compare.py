"""`iceblock compare`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Output folder."
)
@click.option(
    "--model", "models", multiple=True, metavar="NAME=FILE",
    help="Row's name and model file, or a shipped model; the first is what all else is measured "
    "against.  [default: iceblock=iceblock-4A]",
)  # fmt: skip
@click.option(
    "--volume", "volumes", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Structure to score on: map or atomic model, also .gz; take one that no model has seen.  "
    "[default: 4 phantoms]",
)  # fmt: skip
@click.option(
    "--noise", multiple=True, type=click.Path(path_type=Path), metavar="BANK",
    help="Noise bank or stack of noise blocks to score on.  [default: an ice-like spectrum]",
)  # fmt: skip
@click.option(
    "--train-volume", "train_volumes", multiple=True, type=click.Path(path_type=Path),
    metavar="FILE", help="Structure for the networks that are trained here.",
)  # fmt: skip
@click.option(
    "--train-noise", multiple=True, type=click.Path(path_type=Path), metavar="BANK",
    help="Noise to tune filters and to train on.  [default: four fifths of the micrographs of "
    "--noise, the rest is scored on]",
)  # fmt: skip
@click.option(
    "--phantoms", default=24, show_default=True, metavar="N",
    help="Random protein-like phantoms to train on.",
)  # fmt: skip
@click.option(
    "--noisy", multiple=True, type=click.Path(path_type=Path), metavar="STAR",
    help="Noisy particles to score on in place of simulated ones; --clean names their truth.",
)  # fmt: skip
@click.option(
    "--clean", multiple=True, type=click.Path(path_type=Path), metavar="STAR",
    help="The truth of --noisy, row by row, as `iceblock simulate` writes it.",
)  # fmt: skip
@click.option(
    "--particles", type=click.Path(path_type=Path), metavar="STAR|CS",
    help="Real particles to show the networks on.",
)  # fmt: skip
@click.option(
    "--snr", "snrs", multiple=True, type=float, default=(1.0, 0.1), show_default=True,
    metavar="SNR",
    help="Signal over noise variance inside the particle; one set for each --snr.",
)  # fmt: skip
@click.option(
    "-n", "--number", type=int, metavar="N", help="Images in each set.  [default: 256, quick 24]"
)
@click.option(
    "--train-steps", type=int, metavar="N",
    help="For DnCNN, the unsupervised GAN and our own network on the same pairs; 0 leaves these "
    "rows out. At 128 pixels a step of the three takes about 6 s on one core.  [default: 1000, "
    "quick 25]",
)  # fmt: skip
@click.option(
    "--whole", type=int, metavar="N",
    help="Further noisy images that make up each set, from which set-wise methods learn; 0 for "
    "none.  [default: 4000, quick 400]",
)  # fmt: skip
@click.option("--box", type=int, metavar="PIXELS", help="Even.  [default: 128, quick 64]")
@click.option(
    "--pixel-size", type=float, metavar="A", help="Å per pixel.  [default: 2.7, quick 5.4]"
)
@click.option("--quick", is_flag=True, help="Few images, little training: minutes on a CPU.")
@click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:N",
    help="Where to compute; auto takes a GPU if there is one.",
)  # fmt: skip
@click.option("--threads", type=int, metavar="N", help="CPU threads.  [default: all]")
@click.option(
    "--seed", default=0, show_default=True, metavar="N",
    help="The same seed gives the same table on a CPU.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace what another comparison left in DIR.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, no remarks.")
def command(quiet: bool, **values: Any) -> None:
    """Compare models with filters, DnCNN and an unsupervised GAN on pairs whose truth is known.

    DIR gets comparison.md and comparison.csv (PSNR and SSIM in four variants, masked correlation,
    FRC, clustering, each beside images that hold nothing), comparison.pdf and Figures/*.png, and
    run.json. What is better than the first model is marked and printed. Filters are tuned on other
    pairs. The same command given again goes on where a stopped run was.

    \b
    A quick look at the model that ships, on phantoms:
      iceblock compare --quick --out Compared
    Held-out structures in real noise, weak and strong:
      iceblock compare --volume 3j5p.pdb.gz --volume 5a1a.pdb.gz --noise Noise --out Compared
    Two models that learned from different noise, on particles of their own:
      iceblock compare --model extracted=a.safetensors --model Gaussian=b.safetensors \\
        --noise Noise --particles particles.star --train-steps 0 --out Compared
    """
    from ..runs.compare.options import CompareOptions
    from ..runs.compare.run import run

    options = CompareOptions(**values, command=shlex.join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)
