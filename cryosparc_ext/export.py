"""`iceblock-cryosparc export`: particles as a RELION STAR file; no job is made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import IceblockError

if TYPE_CHECKING:
    from core.images.cs.particles import CsParticles


@click.command(name="export")
@click.argument("particles", metavar="FILE.cs|J#.OUTPUT")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE.star",
    help="The STAR file to make; links to the stacks go beside it.",
)  # fmt: skip
@click.option(
    "--url", envvar="CRYOSPARC_BASE_URL", show_envvar=True, help="Of CryoSPARC, for J#.OUTPUT."
)
@click.option("--email", help="Whose login to use.  [default: the first that is stored]")
@click.option("--project", metavar="P#", help="Project, for J#.OUTPUT.")
@click.option(
    "--project-dir", type=click.Path(path_type=Path), metavar="DIR",
    help="Where paths in FILE.cs start.  [default: found]",
)  # fmt: skip
@click.option(
    "--passthrough", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="A passthrough .cs file whose fields are added, by uid; may be given again.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace FILE.star where it exists.")
def command(
    particles: str,
    out: Path,
    url: str | None,
    email: str | None,
    project: str | None,
    project_dir: Path | None,
    passthrough: tuple[Path, ...],
    overwrite: bool,
) -> None:
    """Write particles of CryoSPARC as a RELION STAR file.

    Only fields on whose meaning converters agree are written; the others are left out and listed.
    RELION wants stacks to be named .mrcs, so links with such names are made beside the STAR file.

    \b
    Examples, in the RELION project:
      iceblock-cryosparc export J24_particles.cs --project-dir /data/CS-p3 --out particles.star
      iceblock-cryosparc export J24.particles --url http://cs.lab:39000 --project P3 \\
          --out particles.star
    """
    from core.counting import counted
    from core.images.cs.export import export_star
    from core.images.cs.particles import CsParticles

    if out.exists() and not overwrite:
        raise IceblockError(f"{out} exists already; choose another name or give --overwrite")
    if Path(particles).suffix == ".cs":
        found = CsParticles.read(Path(particles), None, project_dir, passthrough)
    elif project_dir or passthrough:
        raise IceblockError("--project-dir and --passthrough belong to a .cs file; leave them out")
    elif url is None or project is None:
        raise IceblockError(
            f"{particles} is no .cs file; for the output of a job give --url and --project too"
        )
    else:
        found = _of_job(url, email, project, particles)
    left_out = export_star(found, out)
    click.echo(f"{out}: {counted(found.n, 'particle')}")
    for field in left_out:
        click.echo(f"  left out: {field}")


def _of_job(url: str, email: str | None, project: str, particles: str) -> CsParticles:
    from core.images.cs.dataset import particles_of

    from .connection import Connection
    from .files import visible_project
    from .sources import find_source, load_source

    with Connection(url, email) as connection:
        source = find_source(connection, project, particles, "particle", ["blob"])
        folder = visible_project(connection, project)
        data = load_source(connection, source, [])
    return particles_of(data, Path(str(source)), folder)
