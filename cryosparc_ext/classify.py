"""`iceblock-cryosparc classify`: 2D classes as an external job."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.shared_options import THREADS, contrast, seed

from .place import job_options, output_option

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from core.runs.classify.options import ClassifyOptions
    from core.runs.classify.run import Classification

    from .files import ProjectFiles
    from .guard import OpenJob
    from .job import Job
    from .sources import Source

RUN = "classes"
"""Folder in the job directory: the averages, and the run with its record and report."""
AVERAGES = "class_averages"


@click.command(name="classify")
@job_options
@click.option(
    "--particles", required=True, metavar="J#.OUTPUT",
    help="Raw particles; the job alone where it has only one such output.",
)  # fmt: skip
@output_option("particles")
@click.option(
    "--classes", type=int, metavar="K",
    help="Class averages, beside a class of empty images.  [default: one for 100 images, up to 50]",
)  # fmt: skip
@click.option(
    "--particle-diameter", type=float, metavar="Å",
    help="Of the circular mask.  [default: three quarters of the box]",
)  # fmt: skip
@click.option("--iterations", default=25, show_default=True, metavar="N", help="Of learning.")
@seed("Of the first class averages.")
@contrast("Of the particles; auto believes blob/sign.")
@THREADS
@click.pass_obj
def command(
    under_way: OpenJob,
    /,
    url: str,
    email: str | None,
    project: str,
    workspace: str | None,
    title: str | None,
    scratch: Path | None,
    particles: str,
    name: str,
    **values: Any,
) -> None:
    """Sort particles into 2D classes in seconds, as a new external job.

    The job has two outputs: the same particles with alignments2D (class, turn and shift), and the
    class averages as templates. Nobody outside CryoSPARC has written down the signs of its turns
    and shifts in 2D: these are RELION's. All other slots pass through. The images are not changed.

    \b
    Example:
      iceblock-cryosparc classify --url http://cs.lab:39000 --project P3 \\
          --particles J12.particles --particle-diameter 160
    """
    from core.runs.classify.options import ClassifyOptions

    from .connection import Connection
    from .job import Job
    from .sources import find_source

    options = ClassifyOptions(Path(), Path(), command=shlex.join(sys.argv), **values)
    options.check()
    with Connection(url, email) as connection:
        source = find_source(connection, project, particles, "particle", ["blob"])
        slots = ["blob", "ctf"] if "ctf" in source.slots else ["blob"]
        with Job(
            connection,
            project,
            workspace or source.workspace,
            title or f"iceblock: 2D classes of {source}",
            "2D classes. The images of the particles are not changed.",
            under_way,
        ) as job:
            job.connect("particles", source, slots)
            job.declare(name, "particle", ["alignments2D"], "particles", "Particles with classes")
            job.declare(AVERAGES, "template", ["blob"], None, "Class averages")
            job.start({"Options": _told(options)})
            _classify(job, source, slots, name, options, scratch)


def _told(options: ClassifyOptions) -> str:
    return (
        f"classes {options.classes or 'by the number of particles'}, particle diameter "
        f"{options.particle_diameter or 'three quarters of the box'}, iterations "
        f"{options.iterations}, seed {options.seed}, contrast {options.contrast}"
    )


def _classify(
    job: Job,
    source: Source,
    slots: list[str],
    name: str,
    options: ClassifyOptions,
    scratch: Path | None,
) -> None:
    """Run core's classification on the input of `job` and save its outputs."""
    from core.images.cs.particles import CsParticles
    from core.runs.classify.run import run

    files = job.open_files(RUN, scratch)
    out = files.folder / RUN
    table = out / "input.cs"
    data = job.load("particles", slots)
    particles = CsParticles.from_dataset(data, Path(str(source)), files.root)
    files.fetch(particles.stacks, job.heartbeat)
    particles.write(table)
    options = replace(options, particles=table, out=out, project_dir=files.root)
    done = run(options, progress=job.progress, heartbeat=job.heartbeat)
    files.publish([path for path in out.iterdir() if path.is_file()], job.heartbeat)
    job.picture(lambda: _averages(done), "Class averages, the largest first", tile=True)
    job.save(name, CsParticles.read(options.output, project_dir=files.root).dataset())
    job.save(AVERAGES, _templates(done, options, files))


def _averages(done: Classification) -> Figure:
    from core.runs.classify.report import montage

    return montage(done.found, done.field, 0, min(len(done.found.averages), 64))


def _templates(
    done: Classification, options: ClassifyOptions, files: ProjectFiles
) -> dict[str, npt.NDArray[Any]]:
    """Give the fields of the class averages."""
    import numpy as np

    from core.images.mrc.reader import read_header
    from core.runs.classify.options import CLASSES

    stack = read_header(options.out / CLASSES)
    count = len(done.found.averages)
    path = (options.out / CLASSES).relative_to(files.root).as_posix()
    return {
        "blob/path": np.array([path] * count, dtype=object),
        "blob/idx": np.arange(count),
        "blob/shape": np.full((count, 2), stack.box_x),
        "blob/psize_A": np.full(count, stack.pixel_size),
        "blob/sign": np.full(count, 1.0),
        "blob/res_A": np.where(np.isfinite(done.found.resolution), done.found.resolution, 0.0),
    }
