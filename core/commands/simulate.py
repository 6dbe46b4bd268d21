"""`iceblock simulate`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .shared_options import PATH, QUIET, seed, volumes

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option(
    "--out", required=True, type=PATH, metavar="DIR",
    help="Output folder; new or empty.",
)  # fmt: skip
@volumes("Map (.mrc, .map) or atomic model (.pdb, .cif), also .gz; several are mixed.")
@click.option(
    "--phantoms", default=0, metavar="N",
    help="Random protein-like phantoms to add.  [default: 4 where no volume is given]",
)  # fmt: skip
@click.option(
    "--noise", multiple=True, type=PATH, metavar="BANK|BLOCKS.mrcs",
    help="Noise bank (its folder or blocks.star), or a stack of noise blocks at this pixel size; "
    "several are mixed.  [default: an ice-like spectrum]",
)  # fmt: skip
@click.option("-n", "--number", default=1000, show_default=True, metavar="N", help="Particles.")
@click.option("--box", default=128, show_default=True, metavar="PIXELS", help="Even box.")
@click.option("--pixel-size", default=2.7, show_default=True, metavar="Å", help="Å per pixel.")
@click.option(
    "--snr", nargs=2, default=(0.05, 0.5), show_default=True, metavar="LOW HIGH",
    help="Signal over noise variance inside the particle, drawn log-uniformly.",
)  # fmt: skip
@click.option(
    "--defocus", nargs=2, default=(5000.0, 35000.0), show_default=True, metavar="LOW HIGH",
    help="Range in Å.",
)  # fmt: skip
@click.option("--no-ctf", is_flag=True, help="Leave the CTF out.")
@click.option(
    "--neighbours", default=0.0, show_default=True, metavar="MEAN",
    help="Mean number of neighbours that crowd a box.",
)  # fmt: skip
@seed("The same seed gives the same files.")
@QUIET
def command(
    out: Path,
    volumes: tuple[Path, ...],
    phantoms: int,
    noise: tuple[Path, ...],
    number: int,
    box: int,
    pixel_size: float,
    snr: tuple[float, float],
    defocus: tuple[float, float],
    no_ctf: bool,
    neighbours: float,
    seed: int,
    quiet: bool,
) -> None:
    """Write simulated particles, noisy and clean.

    DIR gets particles.star (noisy) and clean.star (the truth, CTF included), row by row the same,
    with their stacks, poses, origins and CTF values. The signal is in units of the noisy images'
    background sd.

    \b
    Example:
      iceblock simulate --volume 1oel.pdb.gz -n 2000 --box 128 --pixel-size 2.7 --out Simulated
    """
    from ..compute.threads import one_thread_each
    from ..console import Console
    from ..counting import counted
    from ..errors import IceblockError
    from ..remarks import collected
    from ..runs.record import write_record
    from ..simulate.dataset import CLEAN, NOISY, OUTPUTS, write_dataset
    from ..simulate.pairs import PairSettings
    from ..simulate.sources import pair_generator

    if box % 2 or box < 32:
        raise IceblockError(f"The box is {box} pixels and must be even and at least 32.")
    if number < 1 or not 0 < pixel_size < float("inf"):
        raise IceblockError("The number of particles and the pixel size must be positive.")
    if seed < 0 or phantoms < 0:
        raise IceblockError("The seed and the number of phantoms cannot be negative.")
    present = [name for name in OUTPUTS if (out / name).exists()]
    if present:
        raise IceblockError(f"{out} already holds {present[0]}; choose another output folder.")
    settings = PairSettings(
        snr_range=snr,
        defocus_range=defocus,
        ctf_fraction=0.0 if no_ctf else 1.0,
        neighbour_rate=neighbours,
        group=1,
    )
    count = phantoms or (0 if volumes else 4)
    seeds = [1_000_000 + seed * 1000 + k for k in range(count)]

    def remark(text: str) -> None:
        if not quiet:
            click.echo(f"note: {text}", err=True)

    with one_thread_each(), collected(sys.stderr) as told:  # the same bytes on any machine
        generator = pair_generator(volumes, seeds, noise, pixel_size, settings, remark)
        console = Console(None if quiet else sys.stderr)
        with console.bar(number, "img", "simulating") as bar:
            write_dataset(out, generator, number, box, seed, bar.advance)
    record = {"command": shlex.join(sys.argv), "seed": seed, "settings": asdict(settings)}
    write_record(out, record | {"warnings": list(told)})
    if not quiet:
        click.echo(
            f"{counted(number, 'simulated particle')} of {box} px, {pixel_size:.4g} Å:\n"
            f"  {out / f'{NOISY}.star'}  noisy\n"
            f"  {out / f'{CLEAN}.star'}      the truth, row by row",
            err=True,
        )
