"""`iceblock demo`: the main job from nothing, on particles whose truth is known."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import torch

PARTICLES, BOX, PIXEL_SIZE, SNR, SEED = 512, 128, 2.7, 0.15, 20


def run(out: Path, threads: int | None = None) -> dict[str, float]:
    """Simulate particles, denoise them by the shipped model, and compare with the truth.

    Parameters
    ----------
    out
        Folder; gets Simulated/, Denoised/ and demo.png.
    threads
        CPU threads; by default all.

    Returns
    -------
    scores
        Mean correlation with the truth inside the particle: raw, low-pass, denoised.
    """
    from ..runs.denoising import DenoiseOptions
    from ..runs.denoising import run as denoising_run
    from ..simulate.dataset import write_dataset
    from ..simulate.pairs import PairSettings
    from .simulate import pair_generator

    settings = PairSettings(snr_range=(SNR, SNR), ctf_fraction=1.0, neighbour_rate=0.0, group=1)
    generator = pair_generator([], range(SEED, SEED + 4), [], PIXEL_SIZE, settings)
    click.echo(f"Simulating {PARTICLES} particles of 4 phantoms at SNR {SNR} in {out}/Simulated")
    write_dataset(out / "Simulated", generator, PARTICLES, BOX, SEED)
    options = DenoiseOptions(
        particles=out / "Simulated" / "particles.star",
        out=out / "Denoised",
        threads=threads,
        overwrite=True,
        command="iceblock demo",
    )
    denoising_run(options, progress=sys.stderr)
    return _compare(out)


def _compare(out: Path) -> dict[str, float]:
    import numpy as np
    import torch

    from ..evaluate.metrics import masked_correlation
    from ..images.mrc import read_header, read_images

    def stack(path: str) -> torch.Tensor:
        header = read_header(out / path)
        return torch.from_numpy(read_images(header, np.arange(header.n_images)))

    raw, clean = (
        stack("Simulated/Particles/simulated.mrcs"),
        stack("Simulated/Clean/simulated.mrcs"),
    )
    images = {
        "raw": raw,
        "low-pass": _low_pass(raw),
        "denoised": stack("Denoised/Particles/simulated.mrcs"),
    }
    mask = clean.abs() > 0.1 * clean.abs().amax(dim=(1, 2), keepdim=True)
    scores = {k: float(masked_correlation(v, clean, mask).mean()) for k, v in images.items()}
    _picture(out / "demo.png", {**images, "truth": clean})
    return scores


def _low_pass(raw: torch.Tensor) -> torch.Tensor:
    """Smooth as far as a careful person would: a Gaussian that halves at 25 Å."""
    import torch

    from ..evaluate.metrics import wiener_filter

    f = torch.linspace(0, 0.5, 65) / PIXEL_SIZE
    gain = torch.exp(-0.6931 * (f * 25).square())
    return wiener_filter(raw, gain, 1 - gain)


def _picture(path: Path, rows: dict[str, torch.Tensor]) -> None:
    from matplotlib.figure import Figure

    from ..evaluate.gallery import montage

    figure = Figure(figsize=(12, 6.3), layout="constrained")
    montage(figure, {label: (images[:8].numpy(), 0.0) for label, images in rows.items()})
    figure.savefig(path, dpi=80)


@click.command()
@click.option("--out", default="iceblock-demo", show_default=True, type=click.Path(path_type=Path),
              metavar="DIR", help="Output folder.")  # fmt: skip
@click.option("--threads", type=int, metavar="N", help="CPU threads.  [default: all]")
@click.option("--overwrite", is_flag=True, help="Replace what an earlier demo left in DIR.")
def command(out: Path, threads: int | None, overwrite: bool) -> None:
    """Denoise simulated particles and show the result.

    Needs no data, no network and no GPU. DIR gets the simulated particles, the denoised ones with
    their report, and demo.png.
    """
    from ..errors import IceblockError

    made = [out / name for name in ("Simulated", "Denoised", "demo.png") if (out / name).exists()]
    if made and not overwrite:
        raise IceblockError(f"{made[0]} exists already; choose another --out or give --overwrite.")
    for path in made:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    scores = run(out, threads)
    click.echo("Mean correlation with the truth inside the particle:")
    for name, score in scores.items():
        click.echo(f"  {name:10s}{score:.3f}")
    click.echo(f"Look at {out / 'demo.png'} and {out / 'Denoised' / 'report.pdf'}.")
