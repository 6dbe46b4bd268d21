"""`iceblock demo`."""

from __future__ import annotations

from pathlib import Path

import click

from .shared_options import THREADS


@click.command()
@click.option("--out", default="iceblock-demo", show_default=True, type=click.Path(path_type=Path),
              metavar="DIR", help="Output folder.")  # fmt: skip
@THREADS
@click.option("--overwrite", is_flag=True, help="Replace what an earlier demo left in DIR.")
def command(out: Path, threads: int | None, overwrite: bool) -> None:
    """Denoise simulated particles and show the result.

    Needs no data, no network and no GPU. DIR gets the simulated particles, the denoised ones with
    their report, and demo.png.
    """
    from ..runs.demo import run

    scores = run(out, threads, overwrite)
    click.echo("Mean correlation with the truth, inside the particle and 16 Å about it:")
    for name, score in scores.items():
        click.echo(f"  {name:10s}{score:.3f}")
    click.echo(f"Look at {out / 'demo.png'} and {out / 'Denoised' / 'report.pdf'}.")
