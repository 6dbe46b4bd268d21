"""`iceblock-cryosparc train`: a model trained on a project's own ice, as an external job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.errors import IceblockError
from core.runs.option import option
from core.runs.options import option_class
from core.runs.train.options import TrainOptions

from .files import ProjectFiles
from .place import Place, job_command, told

if TYPE_CHECKING:
    from .job import Job

RUN = "model"
"""Folder in the job directory."""


@option_class(kw_only=True)
class TrainPlace(Place):
    """Where to train on what."""

    group: ClassVar[str] = "CryoSPARC"

    noise: tuple[str, ...] = option(
        "Job of `iceblock-cryosparc noise`, or the folder of a noise bank; several are mixed",
        metavar="J#|FOLDER",
    )  # fmt: skip
    volumes: tuple[str, ...] = option(
        "Volume of a job, or a map or atomic model (.mrc, .pdb, .cif, also .gz); several are mixed",
        default=(), spelled="volume", metavar="J#.OUTPUT|FILE",
    )  # fmt: skip
    particles: str | None = option(
        "What will be denoised: gives box, pixel size and CTFs; needs blob and ctf",
        default=None, metavar="J#.OUTPUT",
    )  # fmt: skip


@job_command(TrainPlace, TrainOptions)
def command(place: TrainPlace, given: dict[str, Any]) -> None:
    """Train a model on a project's own noise and volume, as a new external job.

    The model is J#/model/model.safetensors, beside its report and curves; give that file to
    `iceblock-cryosparc denoise --model`. Options that are not here are those of `iceblock train`.

    \b
    Example, fine-tuning of the shipped model for a quarter of an hour:
      iceblock-cryosparc train --url http://cs.lab:39000 --project P3 --noise J31 \\
          --volume J40.volume --particles J12.particles --from iceblock-4B --time-limit 15m
    """
    from .connection import Connection
    from .fetching import connect_all, fetch_banks, fetch_volumes, find_all

    # With the names of the inputs: the options that contradict each other are told before the job.
    noise, volumes = (tuple(map(Path, texts)) for texts in (place.noise, place.volumes))
    TrainOptions(noise, volumes=volumes, out=Path(RUN), **given).check()
    with Connection(place.url, place.email) as connection:
        wanted = (place.particles,) if place.particles else ()
        banks = find_all(connection, place.project, place.noise, "particle", "blob")
        maps = find_all(connection, place.project, place.volumes, "volume", "map")
        stack = find_all(connection, place.project, wanted, "particle", "ctf")
        sources = [found for found in (*banks, *maps, *stack) if not isinstance(found, Path)]
        if not (place.workspace or sources):
            raise IceblockError("None of the inputs is of this project: give --workspace.")
        with place.job(
            connection,
            place.workspace or sources[0].workspace,
            "train a denoising model",
            "A model for `iceblock-cryosparc denoise --model`, trained on this project's noise.",
        ) as job:
            connect_all(job, "noise", banks, ["blob"])
            connect_all(job, "volumes", maps, ["map"])
            connect_all(job, "particles", stack, ["blob", "ctf"])
            job.start(
                {
                    "From": given.get("start", "random weights"),
                    "Device": given.get("gpu") or given["device"],
                    "Options": told(TrainOptions, given),
                }
            )
            files = job.open_files(RUN, place.scratch)
            out = files.folder / RUN
            options = TrainOptions(
                **{"name": f"{place.project}-{job.uid}"} | given,
                out=out,
                noise=fetch_banks(job, files, "noise", banks),
                volumes=fetch_volumes(job, files, "volumes", maps),
                particles=_table(job, files, out / "particles.cs") if stack else None,
            )
            _train(job, files, options)


def _table(job: Job, files: ProjectFiles, out: Path) -> Path:
    """Write the particles' metadata to a file; their images are not needed."""
    from core.images.cs.dataset import particles_of

    data = job.load("particles", ["blob", "ctf"])
    particles_of(data, Path("the particles"), files.root).write(out)
    return out


def _train(job: Job, files: ProjectFiles, options: TrainOptions) -> None:
    from core.runs.train.options import CURVES, MODEL, SAMPLES
    from core.runs.train.run import run

    run(options, progress=job.progress, heartbeat=job.heartbeat)
    for name, text in ((CURVES, "Curves"), (SAMPLES, "Samples that the model has not seen")):
        job.picture(options.out / name, text, tile=name == SAMPLES)
    made = sorted(path for path in options.out.iterdir() if path.is_file())
    files.publish(made, job.heartbeat)
    job.log(f"The model: {job.uid}/{RUN}/{MODEL} in the project directory")
