"""What a job's inputs hold, where a run of core reads it: particles, noise, volumes, templates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .connection import Connection
from .sources import Source, find_source

if TYPE_CHECKING:
    from .files import ProjectFiles
    from .job import Job

Found = Source | Path
"""An output of a job, or a file or folder that is here."""


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
    from core.images.cs.dataset import particles_of

    data = job.load("particles", slots)
    particles = particles_of(data, Path(str(source)), files.root)
    files.fetch(particles.stacks, job.heartbeat)
    particles.write(table)


def find_all(
    connection: Connection, project: str, texts: Sequence[str], kind: str, slot: str
) -> list[Found]:
    """Find each input."""
    return [
        Path(text) if Path(text).exists() else find_source(connection, project, text, kind, [slot])
        for text in texts
    ]


def connect_all(job: Job, name: str, inputs: Sequence[Found], slots: Sequence[str]) -> None:
    """Connect those of the inputs that are outputs of jobs."""
    for found in inputs:
        if isinstance(found, Source):
            job.connect(name, found, slots)


def fetch_volumes(
    job: Job, files: ProjectFiles, name: str, inputs: Sequence[Found]
) -> tuple[Path, ...]:
    """Bring the maps of a job's input to this machine; files that are here stay."""
    return _fetched(job, files, name, inputs, "map")


def fetch_banks(
    job: Job, files: ProjectFiles, name: str, inputs: Sequence[Found]
) -> tuple[Path, ...]:
    """Bring the noise banks of a job's input to this machine; files that are here stay."""
    from core.noise.bank import TABLE

    return tuple(
        path if path in inputs else path.parent
        for path in _fetched(job, files, name, inputs, "blob", TABLE)
    )


def fetch_templates(job: Job, files: ProjectFiles, name: str, found: Found, table: Path) -> Path:
    """Bring class averages to this machine; those of a job's input are listed in a new .cs file."""
    if isinstance(found, Path):
        return found
    from core.images.cs.fields import PATH
    from core.images.cs.table import to_text, write_table

    records = job.load_records(name, ["blob"])
    files.fetch(sorted({to_text(path) for path in records[PATH]}), job.heartbeat)
    write_table(records, table)
    return table


def _fetched(
    job: Job,
    files: ProjectFiles,
    name: str,
    inputs: Sequence[Found],
    slot: str,
    beside: str = "",
) -> tuple[Path, ...]:
    """Fetch the files that a slot names, and what lies beside each of them."""
    places = [found for found in inputs if isinstance(found, Path)]
    if len(places) < len(inputs):
        paths = sorted({str(path) for path in job.load(name, [slot])[f"{slot}/path"]})
        for path in paths:
            more = [str(Path(path).with_name(beside))] if beside else []
            files.fetch([path, *more], job.heartbeat)
            places.append(files.root / path)
    return tuple(places)
