"""`iceblock-cryosparc restore`: the original images back in a denoised set, as an external job."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from core.errors import IceblockError
from core.runs.option import option
from core.runs.options import Options, option_class

from .connection import Connection
from .place import OutputPlace, job_command
from .sources import Source


@option_class(kw_only=True)
class RestorePlace(OutputPlace):
    """Where to restore what."""

    group: ClassVar[str] = "CryoSPARC"

    selection: str = option(
        "Denoised particles, perhaps selected, classified or aligned", metavar="J#.OUTPUT"
    )
    originals: str | None = option(
        "The particles that were denoised",
        default=None, metavar="J#.OUTPUT", otherwise="found by the names of the images",
    )  # fmt: skip
    name: str = option("Of the new job's output", default="restored")


@job_command(RestorePlace, Options)
def command(place: RestorePlace, _: dict[str, Any]) -> None:
    """Put the original images back into a denoised set, as a new external job.

    Particles are matched by their uid. The job's output has the particles of the selection in
    their order, with the blobs of the originals; all other slots (alignments, ctf) are those of
    the selection.

    \b
    Example, after 2D classification and selection of denoised particles:
      iceblock-cryosparc restore --url http://cs.lab:39000 --project P3 --selection J20.particles
    """
    from core.images.cs.dataset import dataset_of, particles_of

    from .connection import Connection
    from .sources import find_source

    with Connection(place.url, place.email) as connection:
        selected = find_source(connection, place.project, place.selection, "particle", ["blob"])
        named = [place.originals] if place.originals else _originals(connection, selected)
        sources = [
            find_source(connection, place.project, text, "particle", ["blob"]) for text in named
        ]
        with place.job(
            connection,
            selected.workspace,
            f"original images of {selected}",
            f"The particles of {selected} with the images of {', '.join(map(str, sources))}.",
        ) as job:
            job.connect("particles", selected, ["blob"])
            for source in sources:
                job.connect("originals", source, ["blob"])
            job.declare(place.name, "particle", ["blob"], "particles", "Original particles")
            job.start({})
            denoised, raw = (
                particles_of(job.load(key, ["blob"]), Path(told))
                for key, told in (("particles", str(selected)), ("originals", " + ".join(named)))
            )
            job.save(place.name, dataset_of(denoised.restored_from(raw)))


def _originals(connection: Connection, selected: Source) -> list[str]:
    """Find what was denoised: the job in whose directory the images lie knows its input."""
    from .denoise import STACKS
    from .sources import find_inputs, load_source

    paths = {PurePosixPath(p) for p in load_source(connection, selected, ["blob"])["blob/path"]}
    jobs = {path.parts[0] for path in paths if path.parts[1:2] == (STACKS,)}
    strange = sorted(str(path) for path in paths if path.parts[0] not in jobs)
    found: list[str] = []
    for uid in sorted(jobs):
        inputs = find_inputs(connection, selected.project, uid, "particles")
        if not inputs:
            strange.append(f"{uid}/{STACKS}")
        found += [text for text in inputs if text not in found]
    if strange or not found:
        raise IceblockError(
            f"{selected} has images that no job of iceblock made ({strange[0]}): name the "
            "particles that were denoised with --originals."
        )
    return found
