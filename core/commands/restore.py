"""`iceblock restore`."""

from pathlib import Path

import click

from .generated import PATH


@click.command(name="restore")
@click.argument("denoised", type=PATH)
@click.option(
    "--out",
    required=True,
    type=PATH,
    metavar="OUT",
    help="The file to make, .star or .cs as DENOISED.",
)
@click.option(
    "--raw",
    type=PATH,
    metavar="RAW.cs",
    help="For a .cs file: the particles that were denoised.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT where it exists.")
def command(denoised: Path, out: Path, raw: Path | None, overwrite: bool) -> None:
    """Put the raw images of denoised particles back, and the raw micrographs of picks.

    DENOISED is a STAR file that iceblock wrote, or one that RELION made from it, such as a
    selection of 2D classes. rlnImageName takes what rlnIceblockRawImageName says, which is what
    was denoised. rlnImageOriginalName becomes what it was before, or goes. All else stays. For a
    .cs file of CryoSPARC, the images are those of the particles with the same uid in RAW.cs.

    DENOISED may also be picks that were made on denoised micrographs: a list or suffix file of
    RELION's picking, particles with coordinates, or picks of CryoSPARC (.cs). They get the names of
    the raw micrographs, from which particles are extracted, and the places in those.

    \b
    Examples, in the project folder, after 2D classification of denoised particles:
      iceblock restore Select/job015/particles.star --out selected_raw.star
      iceblock restore AutoPick/job007/autopick.star --out picks_raw.star
      iceblock restore J15/particles_selected.cs --raw J3/extracted_particles.cs --out raw.cs
    """
    from ..runs.restoring import restore
    from ..wording import counted

    count = restore(denoised, out, overwrite, raw)
    click.echo(f"{out}: {counted(count, 'row')} with raw names")
