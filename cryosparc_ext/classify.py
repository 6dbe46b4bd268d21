"""`iceblock-cryosparc classify`: 2D classes as an external job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.runs.classify.options import CLASSES, ClassifyOptions

from .files import ProjectFiles
from .place import ParticlesPlace, job_command, told

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from core.runs.classify.run import Classification

    from .job import Job

RUN = "classes"
"""Folder in the job directory: the averages, and the run with its record and report."""
AVERAGES = "class_averages"


@job_command(ParticlesPlace, ClassifyOptions)
def command(place: ParticlesPlace, given: dict[str, Any]) -> None:
    """Sort particles into 2D classes in seconds, as a new external job.

    The job has two outputs: the same particles with alignments2D (class, turn and shift), and the
    class averages as templates. Nobody outside CryoSPARC has written down the signs of its turns
    and shifts in 2D: these are RELION's. All other slots pass through. The images are not changed.

    \b
    Example:
      iceblock-cryosparc classify --url http://cs.lab:39000 --project P3 \\
          --particles J12.particles --particle-diameter 160
    """
    from .connection import Connection
    from .fetching import fetch_particles
    from .sources import find_source

    with Connection(place.url, place.email) as connection:
        source = find_source(connection, place.project, place.particles, "particle", ["blob"])
        slots = ["blob", "ctf"] if "ctf" in source.slots else ["blob"]
        with place.job(
            connection,
            source.workspace,
            f"2D classes of {source}",
            "2D classes. The images of the particles are not changed.",
        ) as job:
            job.connect("particles", source, slots)
            job.declare(
                place.name, "particle", ["alignments2D"], "particles", "Particles with classes"
            )
            job.declare(AVERAGES, "template", ["blob"], None, "Class averages")
            job.start({"Options": told(ClassifyOptions, given)})
            files = job.open_files(RUN, place.scratch)
            table = files.folder / RUN / "input.cs"
            fetch_particles(job, source, slots, files, table)
            options = ClassifyOptions(table, files.folder / RUN, project_dir=files.root, **given)
            _classify(job, place.name, files, options)


def _classify(job: Job, name: str, files: ProjectFiles, options: ClassifyOptions) -> None:
    """Run core's classification on the input of `job` and save its outputs."""
    from core.images.cs.dataset import dataset_of
    from core.images.cs.particles import CsParticles
    from core.runs.classify.run import run

    done = run(options, progress=job.progress, heartbeat=job.heartbeat)
    files.publish([path for path in options.out.iterdir() if path.is_file()], job.heartbeat)
    job.picture(lambda: _averages(done), "Class averages, the largest first", tile=True)
    job.save(name, dataset_of(CsParticles.read(options.output, project_dir=files.root)))
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
