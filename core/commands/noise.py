"""`iceblock noise`: cut a noise bank, look at one, join several."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any, TextIO

import click

from ..runs.noise.options import INSPECTION, NoiseOptions
from .generated import PATH, run_command


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


@run_command(NoiseOptions, "extract", no_args_is_help=True)
def extract(options: NoiseOptions, progress: TextIO | None) -> None:
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
    from ..runs.noise.run import run

    run(options, progress=progress)


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
    from ..figures.noise_gallery import block_page, spectrum_page, statistics_page
    from ..figures.pages import write_pages
    from ..noise.bank import NoiseBank
    from ..noise.inspection import describe
    from ..noise.inspection import inspect as look

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
    from ..noise.bank import NoiseBank
    from ..noise.bank_join import join as join_banks
    from ..runs.record import write_record
    from ..runs.stamps import fingerprint
    from ..wording import counted

    found = [NoiseBank.read(bank) for bank in banks]
    joined = join_banks(found, out, crop)
    inputs = {str(bank.path): fingerprint(bank.path) for bank in found}
    write_record(out, {"command": shlex.join(sys.argv), "banks": inputs, "blocks": joined.n})
    click.echo(f"{joined.path}: {counted(joined.n, 'block')} of {joined.box} px")
