"""`iceblock restore`."""

from pathlib import Path

import click


@click.command(name="restore")
@click.argument("denoised", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="RAW.star",
    help="The STAR file to make.",
)
@click.option("--overwrite", is_flag=True, help="Replace RAW.star where it exists.")
def command(denoised: Path, out: Path, overwrite: bool) -> None:
    """Put the raw images of a denoised set of particles back.

    DENOISED is a STAR file that iceblock wrote, or one that RELION made from it, such as a
    selection of 2D classes. rlnImageName takes what rlnImageOriginalName says, that column goes,
    and all else stays.

    \b
    Example, in the project folder, after 2D classification of denoised particles:
      iceblock restore Select/job015/particles.star --out selected_raw.star
    """  # noqa: D301
    from ..runs.restoring import restore

    count = restore(denoised, out, overwrite)
    click.echo(f"{out}: {count} particles with their raw images")
