"""`iceblock-cryosparc denoise`: denoised particles as an external job."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.commands.shared_options import (
    BATCH_SIZE,
    DENOISE_AGAIN,
    DEVICE,
    EACH_ALONE,
    KEEP_NOISE,
    MODEL,
    THREADS,
    contrast,
    dtype,
)

from .place import job_options, output_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from core.runs.denoise.options import DenoiseOptions
    from core.runs.denoise.run import Denoised

    from .guard import OpenJob
    from .job import Job
    from .sources import Source

STACKS, RUN = "denoised", "iceblock"
"""Folders in the job directory: the stacks, and the run with its record and report."""
CONFIDENCE: Mapping[str, object] = {"name": "confidence", "dtype": "pick_stats", "required": True}
"""A slot of a type that servers know, whose score takes the confidence."""
SCORE = "confidence/ncc_score"


@click.command(name="denoise")
@job_options
@click.option(
    "--particles", required=True, metavar="J#.OUTPUT",
    help="Particles with images; the job alone where it has only one such output.",
)  # fmt: skip
@output_option("denoised")
@MODEL
@DEVICE
@BATCH_SIZE
@dtype("Of the denoised stacks.")
@KEEP_NOISE
@EACH_ALONE
@DENOISE_AGAIN
@THREADS
@contrast("Of the particles; auto believes blob/sign.")
@click.option(
    "--confidence", is_flag=True,
    help="Add a confidence for each particle, 0 to 1, as confidence/ncc_score; takes about four "
    "times as long.",
)  # fmt: skip
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
    particles: str,
    name: str,
    **values: Any,
) -> None:
    """Denoise particles, as a new external job.

    The job's output has the same particles in the same order, with the denoised images in
    J#/denoised/; all other slots (ctf, alignments, location) pass through. The input and the jobs
    that made it are not touched. To refine afterwards, put the original images back with
    `iceblock-cryosparc restore`.

    \b
    Example:
      iceblock-cryosparc denoise --url http://cs.lab:39000 --project P3 --particles J12.particles
    """
    from core.runs.denoise.options import DenoiseOptions

    from .connection import Connection
    from .job import Job
    from .sources import find_source

    options = DenoiseOptions(
        particles=Path(), out=Path(), stacks=f"../{STACKS}", command=shlex.join(sys.argv), **values
    )
    with Connection(url, email) as connection:
        source = find_source(connection, project, particles, "particle", ["blob"])
        facts = _check(options)
        with Job(
            connection,
            project,
            workspace or source.workspace,
            title or f"iceblock: denoise {source}",
            "Denoised images, for looking, 2D classification and curation. Refine the originals: "
            "`iceblock-cryosparc restore` puts them back into a selection.",
            under_way,
        ) as job:
            job.connect("particles", source, _read(source, options))
            slots: list[str | Mapping[str, object]] = ["blob"]
            if options.confidence:
                slots.append(CONFIDENCE)
            job.declare(name, "particle", slots, "particles", "Denoised particles")
            job.start(facts)
            _denoise(job, source, name, options, scratch)


def _read(source: Source, options: DenoiseOptions) -> list[str]:
    """Name the slots to load: CTFs too, where there are any and others of the set teach."""
    return ["blob", "ctf"] if "ctf" in source.slots and not options.each_alone else ["blob"]


def _check(options: DenoiseOptions) -> dict[str, str]:
    """Refuse what can be seen to be wrong before there is a job; tell model and device."""
    from core.compute.device import choose_device
    from core.denoise.inference import Denoiser
    from core.denoise.model_file import load_model
    from core.denoise.shipped import find_model

    options.check()
    device = choose_device(options.device)
    model = Denoiser(load_model(find_model(options.model)), device, options.keep_noise).model
    return {
        "Model": f"{model.card.name}, {model.path}, sha256 {model.sha256}",
        "Device": str(device),
        "Options": f"dtype {options.dtype}, keep-noise {options.keep_noise:g}, "
        f"contrast {options.contrast}" + (", each-alone" if options.each_alone else ""),
    }


def _denoise(
    job: Job, source: Source, name: str, options: DenoiseOptions, scratch: Path | None
) -> None:
    """Run core's denoiser on the input of `job` and save its output."""
    from core.images.cs.particles import CsParticles
    from core.images.validation import validate
    from core.runs.denoise.run import run

    files = job.open_files(RUN, scratch)
    out = files.folder / RUN
    table = out / "input.cs"
    data = job.load("particles", _read(source, options))
    particles = CsParticles.from_dataset(data, Path(str(source)), files.root)
    files.fetch(particles.stacks, job.heartbeat)
    particles.write(table)
    options = replace(options, particles=table, out=out, project_dir=files.root)
    done = run(options, progress=job.progress, heartbeat=job.heartbeat)
    denoised = CsParticles.read(options.output, project_dir=files.root)
    stacks = validate(denoised)
    job.heartbeat()
    files.publish(
        [*(stack.path for stack in stacks), *(p for p in out.iterdir() if p.is_file())],
        job.heartbeat,
    )
    job.picture(lambda: _gallery(done), "Before and after", tile=True)
    if done.record.sets:
        job.picture(lambda: _set_page(options), "What the particles have in common")
    made = denoised.dataset()
    if (values := denoised.confidences) is not None and options.confidence:
        from core.figures.trust_figures import confidence_page

        made.add_fields([SCORE], ["f4"])
        made[SCORE] = values
        job.picture(lambda: confidence_page(values, True), "Confidence")
    job.save(name, made)


def _gallery(done: Denoised) -> Figure:
    from core.figures.gallery import gallery

    return gallery(done.sample, f"Before and after, model {done.record.model.name}")


def _set_page(options: DenoiseOptions) -> Figure:
    from core.figures.set_gallery import set_page
    from core.runs.denoise.learning import learned_sets

    return set_page(max(learned_sets(options).values(), key=lambda prior: prior.count))
