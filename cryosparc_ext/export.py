"""`iceblock-cryosparc export`: particles as a RELION STAR file; no job is made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.commands.generated import plain_command
from core.errors import IceblockError
from core.runs.option import option
from core.runs.options import Options, option_class

if TYPE_CHECKING:
    from core.images.cs.particles import CsParticles


@option_class(kw_only=True)
class ExportOptions(Options):
    """Particles, and the file to make."""

    particles: str = option("Particles", argument=True, metavar="FILE.cs|J#.OUTPUT")
    out: Path = option(
        "The STAR file to make; links to the stacks go beside it", metavar="FILE.star"
    )
    url: str | None = option(
        "Of CryoSPARC, for J#.OUTPUT", default=None, envvar="CRYOSPARC_BASE_URL"
    )
    email: str | None = option(
        "Whose login to use", default=None, otherwise="the first that is stored"
    )
    project: str | None = option("Project, for J#.OUTPUT", default=None, metavar="P#")
    project_dir: Path | None = option(
        "Where paths in FILE.cs start", default=None, metavar="DIR", otherwise="found"
    )
    passthrough: tuple[Path, ...] = option(
        "A passthrough .cs file whose fields are added, by uid; may be given again", default=()
    )
    overwrite: bool = option("Replace FILE.star where it exists", default=False)


@plain_command(ExportOptions)
def command(options: ExportOptions) -> None:
    """Write particles of CryoSPARC as a RELION STAR file.

    Only fields on whose meaning converters agree are written; the others are left out and listed.
    RELION wants stacks to be named .mrcs, so links with such names are made beside the STAR file.

    \b
    Examples, in the RELION project:
      iceblock-cryosparc export J24_particles.cs --project-dir /data/CS-p3 --out particles.star
      iceblock-cryosparc export J24.particles --url http://cs.lab:39000 --project P3 \\
          --out particles.star
    """
    from core.images.cs.export import export_star
    from core.images.cs.particles import CsParticles
    from core.wording import counted

    particles, out = options.particles, options.out
    if out.exists() and not options.overwrite:
        raise IceblockError(f"{out} exists already; choose another name or give --overwrite")
    if Path(particles).suffix == ".cs":
        found = CsParticles.read(Path(particles), None, options.project_dir, options.passthrough)
    elif options.project_dir or options.passthrough:
        raise IceblockError("--project-dir and --passthrough belong to a .cs file; leave them out")
    elif options.url is None or options.project is None:
        raise IceblockError(
            f"{particles} is no .cs file; for the output of a job give --url and --project too"
        )
    else:
        found = _of_job(options.url, options.email, options.project, particles)
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
