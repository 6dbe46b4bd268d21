"""`iceblock restore`: put the raw images of a denoised set of particles back."""

from pathlib import Path

import click


def restore(denoised: Path, out: Path, overwrite: bool = False) -> int:
    """Write the particles of `denoised` to `out`, pointing at their raw images.

    Every other token, and the order of the rows, stays. The images themselves are not touched and
    need not be there.

    Parameters
    ----------
    denoised
        A file that iceblock wrote, or that RELION made from one, by a selection for example.
    out
        The file to make.
    overwrite
        Replace `out` where it exists.

    Returns
    -------
    count
        Number of particles.

    Raises
    ------
    IceblockError
        For a file that does not name raw images, and for an `out` that exists or is the input.
    """
    from ..errors import IceblockError
    from ..images.particles import read_particles

    if out.exists() and not overwrite:
        raise IceblockError(f"{out} exists already; choose another name or give --overwrite")
    particles = read_particles(denoised).restored()
    particles.write(out)
    return particles.n


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
    count = restore(denoised, out, overwrite)
    click.echo(f"{out}: {count} particles with their raw images")
