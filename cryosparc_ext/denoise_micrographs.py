"""`iceblock-cryosparc denoise-micrographs`: denoised micrographs as an external job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.runs.micrographs.options import MicrographsOptions
from core.runs.option import option
from core.runs.options import option_class

from .files import ProjectFiles
from .place import OutputPlace, job_command, told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .job import Job
    from .sources import Source

RUN = "denoised"
"""Folder in the job directory: the run with its record, images and report."""
RAW: Mapping[str, object] = {
    "name": "raw_micrograph_blob", "dtype": "micrograph_blob", "required": True,
}  # fmt: skip
"""A slot of a type that servers know: what `micrograph_blob` was before."""


@option_class(kw_only=True)
class MicrographsPlace(OutputPlace):
    """Which micrographs to denoise where."""

    group: ClassVar[str] = "CryoSPARC"

    exposures: str = option("Motion-corrected micrographs", metavar="J#.OUTPUT")
    name: str = option("Of the new job's output", default="exposures")


@job_command(MicrographsPlace, MicrographsOptions)
def command(place: MicrographsPlace, given: dict[str, Any]) -> None:
    """Denoise whole micrographs, to look at them and to pick on them, as a new external job.

    The output's micrograph_blob names the denoised micrographs, and raw_micrograph_blob the raw
    ones; all other slots pass through. Extract particles from the raw exposures, with the locations
    that were picked: the denoised micrographs have the same uids, and with --size full the same
    pixels.

    \b
    Example:
      iceblock-cryosparc denoise-micrographs --url http://cs.lab:39000 --project P3 \\
          --exposures J5.exposures
    """
    from .connection import Connection
    from .sources import find_source

    with Connection(place.url, place.email) as connection:
        source = find_source(
            connection, place.project, place.exposures, "exposure", ["micrograph_blob"]
        )
        with place.job(
            connection,
            source.workspace,
            f"denoised micrographs of {source}",
            "Denoised micrographs, for looking and for picking. Extract from the raw ones.",
        ) as job:
            job.connect("exposures", source, ["micrograph_blob"])
            job.declare(
                place.name, "exposure", ["micrograph_blob", RAW], "exposures",
                "Denoised micrographs",
            )  # fmt: skip
            job.start({"Options": told(MicrographsOptions, given)})
            files = job.open_files(RUN, place.scratch)
            table = _fetch(job, files, source)
            options = MicrographsOptions(
                (table,), files.folder / RUN, project_dir=files.root, **given
            )
            _denoise(job, place.name, files, options)


def _fetch(job: Job, files: ProjectFiles, source: Source) -> Path:
    """Write the exposures as a .cs file, and see that their images are here."""
    from core.images.cs.exposures import micrograph_paths
    from core.images.cs.table import write_table

    records = job.load_records("exposures", ["micrograph_blob"])
    files.fetch(micrograph_paths(records, Path(str(source))), job.heartbeat)
    table = files.folder / RUN / "input.cs"
    write_table(records, table)
    return table


def _denoise(job: Job, name: str, files: ProjectFiles, options: MicrographsOptions) -> None:
    """Run core's denoising on the input of `job` and save its output."""
    from core.images.cs.table import read_table, to_text
    from core.runs.micrographs.run import run

    run(options, progress=job.progress, heartbeat=job.heartbeat)
    made = read_table(options.output.with_suffix(".cs"))
    job.picture(lambda: _picture(options), "Raw (left) and denoised", tile=True)
    files.publish([path for path in options.out.rglob("*") if path.is_file()], job.heartbeat)
    columns = {}
    for field in made.dtype.names or ():
        values = made[field]
        is_text = values.dtype.kind == "S"
        columns[field] = (
            _objects([to_text(value) for value in values.tolist()]) if is_text else values
        )
    job.save(name, columns)


def _objects(texts: list[str]) -> Any:
    """Give texts as the client keeps them: an array of objects."""
    import numpy as np

    made = np.empty(len(texts), dtype=object)
    made[:] = texts
    return made


def _picture(options: MicrographsOptions) -> Figure:
    import numpy as np
    from PIL import Image

    from core.figures.before_after import page
    from core.runs.micrographs.options import PICTURES

    first = sorted((options.out / PICTURES).iterdir())[0]
    with Image.open(first) as picture:
        return page(first.stem, np.asarray(picture.convert("RGB")))
