"""`iceblock-cryosparc noise`: a bank of pure noise as an external job."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.shared_options import THREADS
from core.errors import IceblockError

from .place import job_options, output_option

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.images.cs.kinds import Records
    from core.noise.bank import NoiseBank
    from core.runs.noise.options import NoiseOptions

    from .files import ProjectFiles
    from .guard import OpenJob
    from .job import Job
    from .sources import Source

BANK = "noise"
"""Folder in the job directory."""
LOOKED_AT = 5
"""Micrographs on which the direction of y is tested."""


@click.command(name="noise")
@job_options
@click.option(
    "--exposures", required=True, metavar="J#.OUTPUT", help="Motion-corrected micrographs."
)
@click.option(
    "--particles", metavar="J#.OUTPUT",
    help="Where particles are: picks, or extracted particles.",
)  # fmt: skip
@output_option("noise_blocks")
@click.option(
    "--particle-diameter", required=True, type=float, metavar="Å", help="Longest side in Å."
)
@click.option(
    "--box", type=int, metavar="PIXELS",
    help="Side of the blocks in micrograph pixels.  [default: of the extracted particles]",
)  # fmt: skip
@click.option("--flip-y", is_flag=True, help="Read y of the locations against the rows.")
@click.option("--model", metavar="NAME|FILE", help="Segmentation model.  [default: shipped]")
@click.option("--per-micrograph", type=int, metavar="N", help="Blocks at most from each.")
@click.option("--margin", type=float, metavar="Å", help="Å to keep away from particles.")
@click.option("--synthetic", default=0, metavar="N", help="Synthetic blocks to add.")
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
    exposures: str,
    particles: str | None,
    name: str,
    box: int | None,
    flip_y: bool,
    **values: Any,
) -> None:
    """Cut blocks of pure noise out of micrographs, as a new external job.

    The bank lies in J#/noise/: blocks.mrcs, blocks.star, pictures of every micrograph and
    report.pdf. `iceblock-cryosparc train --noise J#` reads it from there. The job's output has the
    real blocks with their locations, to look at them in CryoSPARC.

    \b
    Example:
      iceblock-cryosparc noise --url http://cs.lab:39000 --project P3 --exposures J5.exposures \\
          --particles J12.particles --particle-diameter 180
    """
    from core.runs.noise.options import SMALLEST_BOX, NoiseOptions

    from .connection import Connection
    from .job import Job
    from .sources import find_source

    given = {key: value for key, value in values.items() if value is not None}
    options = NoiseOptions(
        micrographs=(), out=Path(), box=box or SMALLEST_BOX, command=shlex.join(sys.argv), **given
    )
    options.check()
    with Connection(url, email) as connection:
        mics = find_source(connection, project, exposures, "exposure", ["micrograph_blob"])
        picks = (
            find_source(connection, project, particles, "particle", ["location"])
            if particles
            else None
        )
        if box is None and (picks is None or "blob" not in picks.slots):
            raise IceblockError("There are no extracted particles to take the box of: give --box.")
        with Job(
            connection,
            project,
            workspace or mics.workspace,
            title or f"iceblock: noise of {mics}",
            "Blocks of pure noise, cut where there is neither particle nor pollution.",
            under_way,
        ) as job:
            job.connect("exposures", mics, ["micrograph_blob", "mscope_params", "ctf"])
            if picks:
                job.connect("particles", picks, ["location", "blob"])
            job.declare(name, "particle", ["blob", "location"], None, "Noise blocks")
            job.start(
                {
                    "Segmentation model": options.model,
                    "Particle diameter": f"{options.particle_diameter:g} Å",
                    "y of locations": "against the rows" if flip_y else "with the rows",
                }
            )
            files = job.open_files(BANK, scratch)
            options = replace(options, out=files.folder / BANK)
            records = _bring_micrographs(job, files, mics, options)
            if picks:
                options = _bring_picks(job, files, picks, records, options, box, flip_y)
            bank = _cut(job, files, options)
            job.save(name, _blocks(bank, records, files, flip_y))


def _bring_micrographs(
    job: Job, files: ProjectFiles, source: Source, options: NoiseOptions
) -> Records:
    """Write the exposures as micrographs.star and see that their images are here."""
    from core.images.cs.exposures import micrograph_paths, write_micrographs

    slots = [s for s in ("micrograph_blob", "mscope_params", "ctf") if s in source.slots]
    records = job.load_records("exposures", slots)
    files.fetch(micrograph_paths(records, Path(str(source))), job.heartbeat)
    write_micrographs(records, Path(str(source)), options.out / "micrographs.star")
    return records


def _bring_picks(
    job: Job,
    files: ProjectFiles,
    source: Source,
    exposures: Records,
    options: NoiseOptions,
    box: int | None,
    flip_y: bool,
) -> NoiseOptions:
    """Write the locations as picks.star, and test on the images which way round they are."""
    from core.images.cs.exposures import write_picks
    from core.images.cs.locations import box_in_micrographs, check_direction, locations

    slots = [slot for slot in ("location", "blob") if slot in source.slots]
    records = job.load_records("particles", slots)
    pixel_size = float(exposures["micrograph_blob/psize_A"][0])
    picks = locations(records, Path(str(source)), flip_y)
    write_picks(picks, options.out / "picks.star")
    some = {files.root / path: found for path, found in list(picks.items())[:LOOKED_AT]}
    remark = check_direction(some, options.particle_diameter / 2 / pixel_size)
    if remark:
        job.warn(f"{remark} (--flip-y is {'on' if flip_y else 'off'}).")
    return replace(
        options,
        picks=options.out / "picks.star",
        box=box or box_in_micrographs(records, pixel_size),
    )


def _cut(job: Job, files: ProjectFiles, options: NoiseOptions) -> NoiseBank:
    from core.counting import counted
    from core.figures.noise_gallery import block_page
    from core.noise.bank import NoiseBank
    from core.runs.noise.run import run

    options = replace(options, micrographs=(options.out / "micrographs.star",))
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
