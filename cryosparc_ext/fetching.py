"""The particles of a job's input, where a run of core reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .files import ProjectFiles
    from .job import Job
    from .sources import Source


def fetch_particles(
    job: Job, source: Source, slots: Sequence[str], files: ProjectFiles, table: Path
) -> None:
    """Fetch the particles of a job's input, and write them where a run of core reads them.

    Parameters
    ----------
    job
        With `source` as its input `particles`.
    source, slots
        What it reads.
    files
        Of the project; they get the stacks.
    table
        A .cs file to be written.
    """
    from core.images.cs.particles import CsParticles

    data = job.load("particles", slots)
    particles = CsParticles.from_dataset(data, Path(str(source)), files.root)
    files.fetch(particles.stacks, job.heartbeat)
    particles.write(table)
