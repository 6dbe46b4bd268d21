"""`iceblock-cryosparc train`: a model trained on a project's own ice, as an external job."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.shared_options import DEVICE, START, THREADS, TRAINING_GPUS, seed
from core.errors import IceblockError

from .place import job_options

if TYPE_CHECKING:
    from core.runs.train.options import TrainOptions

    from .connection import Connection
    from .files import ProjectFiles
    from .guard import OpenJob
    from .job import Job
    from .sources import Source

RUN = "model"
"""Folder in the job directory."""


@click.command(name="train")
@job_options
@click.option(
    "--noise", "noises", multiple=True, required=True, metavar="J#|FOLDER",
    help="Job of `iceblock-cryosparc noise`, or the folder of a noise bank; several are mixed.",
)  # fmt: skip
@click.option(
    "--volume", "volumes", multiple=True, metavar="J#.OUTPUT|FILE",
    help="Volume of a job, or a map or atomic model (.mrc, .pdb, .cif, also .gz); several are "
    "mixed.",
)  # fmt: skip
@click.option(
    "--particles", metavar="J#.OUTPUT",
    help="What will be denoised: gives box, pixel size and CTFs; needs blob and ctf.",
)  # fmt: skip
@START
@click.option("--phantoms", default=0, metavar="N", help="Random phantoms to add to the volumes.")
@click.option(
    "--steps", type=int, metavar="N",
    help="Where to stop.  [default: 6000, with --from 1500, none with a time limit]",
)  # fmt: skip
@click.option("--time-limit", metavar="TIME", help="Stop after 90s, 30m or 2h of training.")
@click.option("--batch-size", type=int, metavar="N", help="64-pixel images in a step.")
@TRAINING_GPUS
@DEVICE
@THREADS
@seed("Of all that is drawn.")
@click.option("--name", metavar="NAME", help="Of the model.  [default: project and job]")
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
    noises: tuple[str, ...],
    volumes: tuple[str, ...],
    particles: str | None,
    time_limit: str | None,
    **values: Any,
) -> None:
    """Train a model on a project's own noise and volume, as a new external job.

    The model is J#/model/model.safetensors, beside its report and curves; give that file to
    `iceblock-cryosparc denoise --model`. Options that are not here are those of `iceblock train`.

    \b
    Example, fine-tuning of the shipped model for a quarter of an hour:
      iceblock-cryosparc train --url http://cs.lab:39000 --project P3 --noise J31 \\
          --volume J40.volume --particles J12.particles --from iceblock-4A --time-limit 15m
    """
    from core.runs.durations import parse_duration
    from core.runs.train.options import TrainOptions

    from .connection import Connection
    from .job import Job

    options = TrainOptions(
        noise=tuple(map(Path, noises)),
        out=Path(),
        volumes=tuple(map(Path, volumes)),
        time_limit=None if time_limit is None else parse_duration(time_limit),
        command=shlex.join(sys.argv),
        **values,
    )
    options.check()
    with Connection(url, email) as connection:
        banks = _find(connection, project, noises, "particle", "blob")
        maps = _find(connection, project, volumes, "volume", "map")
        stack = _find(connection, project, (particles,) if particles else (), "particle", "ctf")
        sources = [found for found in (*banks, *maps, *stack) if not isinstance(found, Path)]
        if not (workspace or sources):
            raise IceblockError("None of the inputs is of this project: give --workspace.")
        with Job(
            connection,
            project,
            workspace or sources[0].workspace,
            title or "iceblock: train a denoising model",
            "A model for `iceblock-cryosparc denoise --model`, trained on this project's noise.",
            under_way,
        ) as job:
            for kind, slots, inputs in (
                ("noise", ["blob"], banks),
                ("volumes", ["map"], maps),
                ("particles", ["blob", "ctf"], stack),
            ):
                for found in inputs:
                    if not isinstance(found, Path):
                        job.connect(kind, found, slots)
            job.start({"From": options.start or "random weights", "Device": options.device})
            files = job.open_files(RUN, scratch)
            out = files.folder / RUN
            options = replace(
                options,
                out=out,
                name=options.name or f"{project}-{job.uid}",
                noise=_places(job, files, "noise", banks),
                volumes=_places(job, files, "volumes", maps),
                particles=_table(job, files, out / "particles.cs") if stack else None,
            )
            _train(job, files, options)


def _find(
    connection: Connection, project: str, texts: tuple[str, ...], kind: str, slot: str
) -> list[Source | Path]:
    """Find each input: a file or folder that is here, or an output of a job."""
    from .sources import find_source

    return [
        Path(text) if Path(text).exists() else find_source(connection, project, text, kind, [slot])
        for text in texts
    ]


def _places(
    job: Job, files: ProjectFiles, name: str, inputs: list[Source | Path]
) -> tuple[Path, ...]:
    """Bring the banks or maps of an input to this machine."""
    from core.noise.bank import TABLE

    places = [found for found in inputs if isinstance(found, Path)]
    if len(places) == len(inputs):
        return tuple(places)
    slot = "blob" if name == "noise" else "map"
    paths = sorted({str(path) for path in job.load(name, [slot])[f"{slot}/path"]})
    for path in paths:
        beside = [str(Path(path).with_name(TABLE))] if name == "noise" else []
        files.fetch([path, *beside], job.heartbeat)
        whole = files.root / path
        places.append(whole.parent if name == "noise" else whole)
    return tuple(places)


def _table(job: Job, files: ProjectFiles, out: Path) -> Path:
    """Write the particles' metadata to a file; their images are not needed."""
    from core.images.cs.particles import CsParticles

    data = job.load("particles", ["blob", "ctf"])
    CsParticles.from_dataset(data, Path("the particles"), files.root).write(out)
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
