"""`iceblock compare`."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from .shared_options import DEVICE, OUT, PATH, QUIET, THREADS, pixel_size, seed, volumes

# Of particles that are read: where to put right what other commands have options for.
_NOT_HERE = {
    "datadir": "the option --datadir of iceblock denoise",
    "project-dir": "the option --project-dir of iceblock denoise",
    "passthrough": "the option --passthrough of iceblock denoise",
    "pixel-size": "rlnImagePixelSize in its optics table",
}


@click.command()
@OUT
@click.option(
    "--model", "models", multiple=True, metavar="NAME=FILE",
    help="Row's name and model file, or a shipped model; the first is what all else is measured "
    "against.  [default: iceblock=iceblock-4A]",
)  # fmt: skip
@volumes(
    "Structure to score on: map or atomic model, also .gz; take one that no model has seen.  "
    "[default: 4 phantoms]"
)
@click.option(
    "--noise", multiple=True, type=PATH, metavar="BANK",
    help="Noise bank or stack of noise blocks to score on.  [default: an ice-like spectrum]",
)  # fmt: skip
@click.option(
    "--train-volume", "train_volumes", multiple=True, type=PATH,
    metavar="FILE", help="Structure for the networks that are trained here.",
)  # fmt: skip
@click.option(
    "--train-noise", multiple=True, type=PATH, metavar="BANK",
    help="Noise to tune filters and to train on.  [default: four fifths of the micrographs of "
    "--noise, the rest is scored on]",
)  # fmt: skip
@click.option(
    "--phantoms", default=24, show_default=True, metavar="N",
    help="Random protein-like phantoms to train on.",
)  # fmt: skip
@click.option(
    "--noisy", multiple=True, type=PATH, metavar="STAR",
    help="Noisy particles to score on in place of simulated ones; --clean names their truth.",
)  # fmt: skip
@click.option(
    "--clean", multiple=True, type=PATH, metavar="STAR",
    help="The truth of --noisy, row by row, as `iceblock simulate` writes it.",
)  # fmt: skip
@click.option(
    "--particles", type=PATH, metavar="STAR|CS",
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
@pixel_size("Å per pixel.  [default: 2.7, quick 5.4]")
@click.option("--quick", is_flag=True, help="Few images, little training: minutes on a CPU.")
@DEVICE
@THREADS
@seed("The same seed and --threads give the same table on a CPU.")
@click.option("--overwrite", is_flag=True, help="Replace what another comparison left in DIR.")
@QUIET
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
    from ..wording import renamed, wording

    options = CompareOptions(**values, command=shlex.join(sys.argv))
    with wording(renamed(_NOT_HERE)):
        run(options, progress=None if quiet else sys.stderr)
