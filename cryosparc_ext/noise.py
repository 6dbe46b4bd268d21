"""`iceblock-cryosparc noise`: a bank of pure noise as an external job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.errors import IceblockError
from core.runs.noise.options import SMALLEST_BOX, NoiseOptions
from core.runs.option import option
from core.runs.options import option_class

from .files import ProjectFiles
from .place import OutputPlace, job_command, told

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.images.cs.kinds import Records
    from core.noise.bank import NoiseBank

    from .job import Job
    from .sources import Source

BANK = "noise"
"""Folder in the job directory."""
MICROGRAPHS = "micrographs.star"
LOOKED_AT = 5
"""Micrographs on which the direction of y is tested."""


@option_class(kw_only=True)
class NoisePlace(OutputPlace):
    """Where to cut noise, and out of what."""

    group: ClassVar[str] = "CryoSPARC"

    exposures: str = option("Motion-corrected micrographs", metavar="J#.OUTPUT")
    particles: str | None = option(
        "Where particles are: picks, or extracted particles", default=None, metavar="J#.OUTPUT"
    )
    name: str = option("Of the new job's output", default="noise_blocks")
    box: int | None = option(
        "Side of the blocks in pixels of the micrographs (half or a quarter of it where ice "
        "has no room for more)",
        default=None, at_least=SMALLEST_BOX, unit="pixels", otherwise="of the extracted particles",
    )  # fmt: skip
    flip_y: bool = option("Read y of the locations against the rows", default=False)


@job_command(NoisePlace, NoiseOptions)
def command(place: NoisePlace, given: dict[str, Any]) -> None:
    """Cut blocks of pure noise out of micrographs, as a new external job.

    The bank lies in J#/noise/: blocks.mrcs, blocks.star, pictures of every micrograph and
    report.pdf. `iceblock-cryosparc train --noise J#` reads it from there. The job's output has the
    real blocks with their locations, to look at them in CryoSPARC.

    \b
    Example:
      iceblock-cryosparc noise --url http://cs.lab:39000 --project P3 --exposures J5.exposures \\
          --particles J12.particles --particle-diameter 180
    """
    from .connection import Connection
    from .sources import find_source

    with Connection(place.url, place.email) as connection:
        mics = find_source(
            connection, place.project, place.exposures, "exposure", ["micrograph_blob"]
        )
        picks = (
            find_source(connection, place.project, place.particles, "particle", ["location"])
            if place.particles
            else None
        )
        if place.box is None and (picks is None or "blob" not in picks.slots):
            raise IceblockError("There are no extracted particles to take the box of: give --box.")
        with place.job(
            connection,
            mics.workspace,
            f"noise of {mics}",
            "Blocks of pure noise, cut where there is neither particle nor pollution.",
        ) as job:
            job.connect("exposures", mics, ["micrograph_blob", "mscope_params", "ctf"])
            if picks:
                job.connect("particles", picks, ["location", "blob"])
            job.declare(place.name, "particle", ["blob", "location"], None, "Noise blocks")
            job.start(
                {
                    "Segmentation model": given["model"],
                    "Particle diameter": f"{given['particle_diameter']:g} Å",
                    "y of locations": "against the rows" if place.flip_y else "with the rows",
                    "Options": told(NoiseOptions, given),
                }
            )
            files = job.open_files(BANK, place.scratch)
            records = _bring_micrographs(job, files, mics)
            across = given["particle_diameter"]
            found = (
                _bring_picks(job, files, picks, records, place, across)
                if picks
                else {"box": place.box}
            )
            out = files.folder / BANK
            options = NoiseOptions(micrographs=(out / MICROGRAPHS,), out=out, **found, **given)
            bank = _cut(job, files, options)
            job.save(place.name, _blocks(bank, records, files, place.flip_y))


def _bring_micrographs(job: Job, files: ProjectFiles, source: Source) -> Records:
    """Write the exposures as micrographs.star and see that their images are here."""
    from core.images.cs.exposures import micrograph_paths, write_micrographs

    slots = [s for s in ("micrograph_blob", "mscope_params", "ctf") if s in source.slots]
    records = job.load_records("exposures", slots)
    files.fetch(micrograph_paths(records, Path(str(source))), job.heartbeat)
    write_micrographs(records, Path(str(source)), files.folder / BANK / MICROGRAPHS)
    return records


def _bring_picks(
    job: Job,
    files: ProjectFiles,
    source: Source,
    exposures: Records,
    place: NoisePlace,
    particle_diameter: float,
) -> dict[str, Any]:
    """Write the locations as picks.star, and test on the images which way round they are.

    Returns
    -------
    options
        The picks and the box.
    """
    from core.images.cs.exposures import write_picks
    from core.images.cs.locations import box_in_micrographs, check_direction, locations

    slots = [slot for slot in ("location", "blob") if slot in source.slots]
    records = job.load_records("particles", slots)
    pixel_size = float(exposures["micrograph_blob/psize_A"][0])
    picks = locations(records, Path(str(source)), place.flip_y)
    path = files.folder / BANK / "picks.star"
    write_picks(picks, path)
    some = {files.root / path: found for path, found in list(picks.items())[:LOOKED_AT]}
    remark = check_direction(some, particle_diameter / 2 / pixel_size)
    if remark:
        job.warn(f"{remark} (--flip-y is {'on' if place.flip_y else 'off'}).")
    return {"picks": path, "box": place.box or box_in_micrographs(records, pixel_size)}


def _cut(job: Job, files: ProjectFiles, options: NoiseOptions) -> NoiseBank:
    from core.figures.noise_gallery import block_page
    from core.noise.bank import NoiseBank
    from core.runs.noise.run import run
    from core.wording import counted

    run(options, progress=job.progress, heartbeat=job.heartbeat)
    bank = NoiseBank.read(options.out)
    job.picture(lambda: block_page(bank), f"{counted(bank.n, 'block')} of {bank.box} px", tile=True)
    files.publish([path for path in options.out.rglob("*") if path.is_file()], job.heartbeat)
    return bank


def _blocks(
    bank: NoiseBank, exposures: Records, files: ProjectFiles, flip_y: bool
) -> dict[str, npt.NDArray[Any]]:
    """Give the blob and location fields of the blocks that were cut."""
    import numpy as np

    from core.images.cs.locations import to_fractions
    from core.images.cs.table import to_text
    from core.noise.bank import REAL

    kept = np.flatnonzero(bank.table["source"] == REAL)
    table = bank.table.iloc[kept]
    places = {to_text(path): k for k, path in enumerate(exposures["micrograph_blob/path"])}
    of_block = np.array([places[name] for name in table["micrograph"]])
    shapes = exposures["micrograph_blob/shape"][of_block]
    x, y = to_fractions(table[["y", "x"]].to_numpy(), shapes, flip_y)
    stacks = [stack.path.relative_to(files.root).as_posix() for stack in bank.stacks]
    columns = {
        "blob/path": np.array(stacks, dtype=object)[bank.stack_ids[kept]],
        "blob/idx": bank.indices[kept],
        "blob/shape": np.full((len(kept), 2), bank.box),
        "blob/psize_A": np.full(len(kept), bank.pixel_size),
        "blob/sign": np.full(len(kept), -1.0),
        "location/micrograph_uid": exposures["uid"][of_block],
        "location/micrograph_path": table["micrograph"].to_numpy(dtype=object),
        "location/micrograph_shape": shapes,
        "location/center_x_frac": x,
        "location/center_y_frac": y,
    }
    for slot in ("mscope_params", "ctf"):
        if f"{slot}/exp_group_id" in (exposures.dtype.names or ()):
            columns["location/exp_group_id"] = exposures[f"{slot}/exp_group_id"][of_block]
    return columns
