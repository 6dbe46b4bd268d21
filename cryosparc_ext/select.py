"""`iceblock-cryosparc select`: the particles worth keeping, and the others, as an external job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.runs.options import options_of
from core.runs.select.options import Choosing, SelectOptions

from .files import ProjectFiles
from .place import ParticlesPlace, job_command, told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .job import Job

RUN = "selection"
"""Folder in the job directory: the run with its record and report."""
REJECTED = "rejected"
SCORES: Mapping[str, object] = {"name": "selection", "dtype": "pick_stats", "required": True}
"""A slot of a type that servers know, whose score takes that of the selection."""
SCORE = "selection/ncc_score"


@job_command(ParticlesPlace, SelectOptions)
def command(place: ParticlesPlace, given: dict[str, Any]) -> None:
    """Choose the particles that are worth keeping, as a new external job.

    The job has two outputs: the particles that are kept, and the rejected ones. Each particle has
    its score, 0 to 1, as selection/ncc_score. All other slots pass through. The images are not
    changed. Put the original images back into denoised particles first, with `iceblock-cryosparc
    restore`.

    \b
    Example:
      iceblock-cryosparc select --url http://cs.lab:39000 --project P3 --particles J12.particles
    """
    from .connection import Connection
    from .fetching import fetch_particles
    from .sources import find_source

    Choosing(**{name: given[name] for name in options_of(Choosing) if name in given}).check()
    with Connection(place.url, place.email) as connection:
        source = find_source(connection, place.project, place.particles, "particle", ["blob"])
        slots = ["blob", *(slot for slot in _WANTED if slot in source.slots)]
        with place.job(
            connection,
            source.workspace,
            f"selection of {source}",
            "Particles that are worth keeping, and the others. Their images are not changed.",
        ) as job:
            job.connect("particles", source, slots)
            for name, title in ((place.name, "Particles kept"), (REJECTED, "Particles rejected")):
                job.declare(name, "particle", [SCORES], "particles", title)
            job.start({"Options": told(SelectOptions, given)})
            files = job.open_files(RUN, place.scratch)
            table = files.folder / RUN / "input.cs"
            fetch_particles(job, source, slots, files, table)
            options = SelectOptions(table, files.folder / RUN, project_dir=files.root, **given)
            _select(job, place.name, files, options)


_WANTED = ("ctf", "alignments2D", "location")


def _select(job: Job, name: str, files: ProjectFiles, options: SelectOptions) -> None:
    """Run core's selection on the input of `job` and save its outputs."""
    from core.images.cs.dataset import dataset_of
    from core.images.cs.particles import CsParticles
    from core.runs.select.run import run

    run(options, progress=job.progress, heartbeat=job.heartbeat)
    files.publish([path for path in options.out.iterdir() if path.is_file()], job.heartbeat)
    job.picture(lambda: _histogram(options), "Scores, and what is kept", tile=True)
    for output, table in ((name, options.output), (REJECTED, options.rejected)):
        if table.exists():
            made = dataset_of(CsParticles.read(table, project_dir=files.root))
            values = made["iceblock/score"]
            made.add_fields([SCORE], ["f4"])
            made[SCORE] = values
            job.save(output, made)


def _histogram(options: SelectOptions) -> Figure:
    import numpy as np

    from core.figures.selection import histogram_page
    from core.images.cs.table import read_table

    known = [path for path in (options.output, options.rejected) if path.exists()]
    scores = [read_table(path)["iceblock/score"].astype(float) for path in known]
    kept = np.arange(sum(map(len, scores))) < len(scores[0])
    return histogram_page(np.concatenate(scores), kept, None, [])
