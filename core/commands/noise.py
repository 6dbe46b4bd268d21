"""`iceblock noise`: cut a noise bank, look at one, join several."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from .shared_options import OUT, OVERWRITE, PATH, QUIET, THREADS, pixel_size

if TYPE_CHECKING:
    from pathlib import Path


class NoiseGroup(click.Group):
    """Subcommands by name; any other arguments go to `extract`."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Parse the arguments with the command that they are for."""
        if args and args[0] in self.commands:
            return super().make_context(info_name, args, parent, **extra)
        return extract.make_context(info_name, args, parent, **extra)


@click.group(cls=NoiseGroup)
def command() -> None:
    """Cut blocks of pure noise out of micrographs."""


@click.command(no_args_is_help=True)
@click.argument("micrographs", nargs=-1, required=True, type=PATH)
@OUT
@click.option(
    "--box", required=True, type=int, metavar="PIXELS", help="Side of the blocks.",
)  # fmt: skip
@click.option(
    "--particle-diameter", required=True, type=float, metavar="Å", help="Longest side in Å.",
)  # fmt: skip
@click.option(
    "--picks", type=PATH, metavar="FILE",
    help="Where particles are: a list or suffix file of RELION's picking, a particles STAR, or "
    "a folder of .star, EMAN .box or .json, or crYOLO .cbox files.",
)  # fmt: skip
@click.option("--require-picks", is_flag=True, help="Skip micrographs that the picks do not list.")
@click.option(
    "--masks", type=PATH, metavar="DIR",
    help="Masks of pollution, as in mic1_mask.png for mic1.mrc; any binning.",
)  # fmt: skip
@pixel_size("Å per pixel.  [default: from the STAR file, else from the images]")
@click.option(
    "--model", metavar="NAME|FILE", help="Segmentation model.  [default: the one that ships]",
)  # fmt: skip
@click.option(
    "--stride", type=int, metavar="PIXELS",
    help="Step of the window that looks for ice.  [default: box / 8]",
)  # fmt: skip
@click.option(
    "--overlap", type=float, metavar="PART",
    help="Largest part of a block's area that is another's too.  [default: 0.25]",
)  # fmt: skip
@click.option(
    "--per-micrograph", type=int, metavar="N", help="Blocks at most from each micrograph.",
)  # fmt: skip
@click.option(
    "--margin", type=float, metavar="Å",
    help="Å to keep away from particles and pollution.  [default: 10]",
)  # fmt: skip
@click.option(
    "--min-background", type=float, metavar="PART",
    help="Skip micrographs with less background than this part.  [default: 0.05]",
)  # fmt: skip
@click.option(
    "--synthetic", default=0, metavar="N",
    help="Add N blocks of synthetic noise with the spectrum of the real ones.",
)  # fmt: skip
@THREADS
@OVERWRITE
@QUIET
def extract(quiet: bool, **values: Any) -> None:
    """Cut blocks of pure noise out of micrographs, or look at blocks that were cut.

    MICROGRAPHS is a RELION micrographs.star, a folder, or image files (MRC, TIFF, PNG). DIR gets
    the noise bank (blocks.mrcs and blocks.star, which RELION displays), a picture of every
    micrograph in Overlays, counts.star, report.pdf and run.json. The same command given again
    goes on where a stopped run was.

    \b
    iceblock noise inspect BANK              print and plot what a bank holds
    iceblock noise join BANK... --out DIR    make one bank of several

    \b
    Example, in the project folder:
      iceblock noise CtfFind/job004/micrographs_ctf.star --picks AutoPick/job006/autopick.star \\
          --box 256 --particle-diameter 180 --out Noise
    """
    from ..runs.noise.options import NoiseOptions
    from ..runs.noise.run import run

    given = {name: value for name, value in values.items() if value is not None}
    options = NoiseOptions(**given, command=shlex.join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)


@command.command()
@click.argument("bank", type=PATH)
@click.option(
    "--out", type=PATH, metavar="FILE.pdf", help="The figures.  [default: inspection.pdf in BANK]",
)  # fmt: skip
def inspect(bank: Path, out: Path | None) -> None:
    """Print and plot what a noise bank holds.

    Counts by micrograph and source, the mean spectrum and its spread, sd, and skewness and
    kurtosis beside those of Gaussian noise of the same spectrum. BANK is a folder or a blocks.star.
    """
    from ..errors import IceblockError
    from ..figures.noise_gallery import block_page, spectrum_page, statistics_page, write_pages
    from ..noise.bank import NoiseBank
    from ..noise.inspection import describe
    from ..noise.inspection import inspect as look
    from ..runs.noise.options import INSPECTION

    found = NoiseBank.read(bank)
    out = out or found.path.with_name(INSPECTION)
    if out.suffix.lower() != ".pdf":
        raise IceblockError(f"{out} must end in .pdf, which is what is written there")
    seen = look(found)
    click.echo(describe(seen))
    write_pages(out, [block_page(found), spectrum_page(seen), statistics_page(seen)])
    click.echo(f"\nFigures: {out}")


@command.command()
@click.argument("banks", nargs=-1, required=True, type=PATH)
@click.option("--out", required=True, type=PATH, metavar="DIR", help="Folder of the new bank.")
@click.option("--crop", is_flag=True, help="Cut larger blocks down to the smallest box.")
def join(banks: tuple[Path, ...], out: Path, crop: bool) -> None:
    """Make one noise bank of several.

    Each BANK is a folder or a blocks.star. Their pixel sizes have to be the same, and their boxes
    too unless --crop is given. Each stays an optics group of its own.
    """
    from ..counting import counted
    from ..noise.bank import NoiseBank
    from ..noise.bank_join import join as join_banks
    from ..runs.record import write_record
    from ..runs.stamps import fingerprint

    found = [NoiseBank.read(bank) for bank in banks]
    joined = join_banks(found, out, crop)
    inputs = {str(bank.path): fingerprint(bank.path) for bank in found}
    write_record(out, {"command": shlex.join(sys.argv), "banks": inputs, "blocks": joined.n})
    click.echo(f"{joined.path}: {counted(joined.n, 'block')} of {joined.box} px")
