"""`iceblock demo`."""

from __future__ import annotations

from pathlib import Path

import click

from .generated import PATH

WHAT_TO_TRY = """\
A RELION project with {particles} simulated particles is in {project}. Try, for example:
  cd {project}
  iceblock denoise Extract/job007/particles.star --out Denoised
  iceblock evaluate Denoised/particles.star --out Trust
Or start RELION in this folder, and choose the job type External."""


@click.command()
@click.option("--out", default="iceblock-demo", show_default=True, type=click.Path(path_type=Path),
              metavar="DIR", help="Output folder.")  # fmt: skip
@click.option(
    "--project", type=PATH, metavar="DIR",
    help="Write a small RELION project instead, to try the other commands and RELION's jobs on. "
    "DIR must be new or empty.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1), metavar="N", help="CPU threads.  [default: all]")
@click.option("--overwrite", is_flag=True, help="Replace what an earlier demo left in --out.")
def command(out: Path, project: Path | None, threads: int | None, overwrite: bool) -> None:
    """Denoise and classify simulated particles, and show the results.

    Needs no data, no network and no GPU. DIR gets the simulated particles, the denoised ones with
    their report, 2D classes, and demo.png.

    \b
    Example of a project, 13 MB: micrographs, CTFs, picks, extracted particles and a 3D reference
      iceblock demo --project demo_project
    """
    if project is not None:
        from ..runs.demo_project import run as write

        click.echo(WHAT_TO_TRY.format(particles=write(project), project=project))
        return
    from ..runs.demo import run

    scores = run(out, threads, overwrite)
    click.echo("Mean correlation with the truth, inside the particle and 16 Å about it:")
    for name, score in scores.items():
        click.echo(f"  {name:10s}{score:.3f}")
    report = out / "Denoised" / "report.pdf"
    click.echo(f"Look at {out / 'demo.png'}, {report} and {out / 'Classes' / 'classes.png'}.")
