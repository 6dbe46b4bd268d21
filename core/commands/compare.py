"""`iceblock compare`."""

from __future__ import annotations

from typing import TextIO

from ..runs.compare.options import CompareOptions
from ..wording import renamed, wording
from .generated import run_command

# Of particles that are read: where to put right what other commands have options for.
_NOT_HERE = {
    "--datadir": "the option --datadir of iceblock denoise",
    "--project-dir": "the option --project-dir of iceblock denoise",
    "--passthrough": "the option --passthrough of iceblock denoise",
    "--pixel-size": "rlnImagePixelSize in its optics table",
}


@run_command(CompareOptions)
def command(options: CompareOptions, progress: TextIO | None) -> None:
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
    from ..runs.compare.run import run

    with wording(renamed(_NOT_HERE)):
        run(options, progress=progress)
