"""`iceblock-cryosparc denoise`: denoised particles as an external job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from core.errors import IceblockError
from core.runs.denoise.options import ALONE, DenoiseOptions
from core.runs.option import option
from core.runs.options import option_class

from .fetching import Found
from .place import OutputPlace, job_command, told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.runs.denoise.run import Denoised

    from .files import ProjectFiles
    from .job import Job

STACKS, RUN = "denoised", "iceblock"
"""Folders in the job directory: the stacks, and the run with its record and report."""
CONFIDENCE: Mapping[str, object] = {"name": "confidence", "dtype": "pick_stats", "required": True}
"""A slot of a type that servers know, whose score takes the confidence."""
SCORE = "confidence/ncc_score"


@option_class(kw_only=True)
class DenoisePlace(OutputPlace):
    """Where to denoise what."""

    group: ClassVar[str] = "CryoSPARC"

    particles: str = option(
        "Particles with images; the job alone where it has only one such output",
        metavar="J#.OUTPUT",
    )  # fmt: skip
    volumes: tuple[str, ...] = option(
        "Reference volume of these particles: of a job, or a map or atomic model (.mrc, .pdb, "
        ".cif, also .gz); may be given again",
        default=(), spelled="volume", metavar="J#.OUTPUT|FILE",
    )  # fmt: skip
    classes: str | None = option(
        "Class averages of these particles: templates of a job, or a file (.mrcs, .star, .cs)",
        default=None, metavar="J#.OUTPUT|FILE",
    )  # fmt: skip
    name: str = option("Of the new job's output", default="denoised")


@job_command(DenoisePlace, DenoiseOptions)
def command(place: DenoisePlace, given: dict[str, Any]) -> None:
    """Denoise particles, as a new external job.

    The job's output has the same particles in the same order, with the denoised images in
    J#/denoised/; all other slots (ctf, alignments, location) pass through. The input and the jobs
    that made it are not touched. To refine afterwards, put the original images back with
    `iceblock-cryosparc restore`.

    \b
    Example:
      iceblock-cryosparc denoise --url http://cs.lab:39000 --project P3 --particles J12.particles
    """
    from .connection import Connection
    from .fetching import connect_all, fetch_particles, find_all
    from .sources import find_source

    if given["each_alone"] and (place.volumes or place.classes):
        raise IceblockError(ALONE)
    with Connection(place.url, place.email) as connection:
        source = find_source(connection, place.project, place.particles, "particle", ["blob"])
        maps = find_all(connection, place.project, place.volumes, "volume", "map")
        named = (place.classes,) if place.classes else ()
        templates = find_all(connection, place.project, named, "template", "blob")
        facts = _facts(given)
        with place.job(
            connection,
            source.workspace,
            f"denoise {source}",
            "Denoised images, for looking, 2D classification and curation. Refine the originals: "
            "`iceblock-cryosparc restore` puts them back into a selection.",
        ) as job:
            # CTFs, too, where there are any and others of the set teach.
            wanted = ["blob"] if given["each_alone"] else ["blob", "ctf"]
            read = [slot for slot in wanted if slot in source.slots]
            job.connect("particles", source, read)
            connect_all(job, "volumes", maps, ["map"])
            connect_all(job, "classes", templates, ["blob"])
            slots: list[str | Mapping[str, object]] = ["blob"]
            if given["confidence"]:
                slots.append(CONFIDENCE)
            job.declare(place.name, "particle", slots, "particles", "Denoised particles")
            job.start(facts)
            files = job.open_files(RUN, place.scratch)
            table = files.folder / RUN / "input.cs"
            fetch_particles(job, source, read, files, table)
            known = _fetch_known(job, files, maps, templates)
            options = DenoiseOptions(
                particles=table, out=files.folder / RUN, stacks=f"../{STACKS}",
                project_dir=files.root, **known, **given,
            )  # fmt: skip
            _denoise(job, place.name, files, options)


def _fetch_known(
    job: Job, files: ProjectFiles, maps: Sequence[Found], templates: Sequence[Found]
) -> dict[str, Any]:
    """Bring what is known of the particles to this machine; gives the options that name it."""
    from .fetching import fetch_templates, fetch_volumes

    table = files.folder / RUN / "classes.cs"
    classes = [fetch_templates(job, files, "classes", found, table) for found in templates]
    volumes = fetch_volumes(job, files, "volumes", maps)
    return {"volumes": volumes, "classes": classes[0] if classes else None}


def _facts(given: dict[str, Any]) -> dict[str, str]:
    """Refuse what can be seen to be wrong before there is a job; tell model and device."""
    from core.compute.device import choose_device
    from core.denoise.model_file import read_description
    from core.denoise.shipped import find_model
    from core.images.tensor_file import digest

    path = find_model(given["model"])
    name = read_description(path)["card"]["name"]
    device = choose_device(given["device"])
    return {
        "Model": f"{name}, {path}, sha256 {digest(path)}",
        "Device": f"GPU {given['gpu']}" if given.get("gpu") else str(device),
        "Options": told(DenoiseOptions, given),
    }


def _denoise(job: Job, name: str, files: ProjectFiles, options: DenoiseOptions) -> None:
    """Run core's denoiser on the input of `job` and save its output."""
    from core.images.cs.dataset import dataset_of
    from core.images.cs.particles import CsParticles
    from core.images.validation import validate
    from core.runs.denoise.run import run

    done = run(options, progress=job.progress, heartbeat=job.heartbeat)
    denoised = CsParticles.read(options.output, project_dir=files.root)
    stacks = validate(denoised)
    job.heartbeat()
    files.publish(
        [*(stack.path for stack in stacks), *(p for p in options.out.iterdir() if p.is_file())],
        job.heartbeat,
    )
    job.picture(lambda: _gallery(done), "Before and after", tile=True)
    if any(known["evidence"] for known in done.record.sets):
        job.picture(lambda: _evidence_page(options), "What the set's own images tell")
    if done.record.sets:
        job.picture(lambda: _set_page(options), "What the particles have in common")
    made = dataset_of(denoised)
    if (values := denoised.confidences) is not None and options.confidence:
        from core.figures.trust_figures import confidence_page

        made.add_fields([SCORE], ["f4"])
        made[SCORE] = values
        job.picture(lambda: confidence_page(values, True), "Confidence")
    job.save(name, made)


def _gallery(done: Denoised) -> Figure:
    from core.figures.gallery import gallery

    return gallery(done.sample, f"Before and after, model {done.record.model.name}")


def _evidence_page(options: DenoiseOptions) -> Figure:
    from core.figures.evidence_page import evidence_page
    from core.runs.denoise.learning import learned_sets
    from core.runs.denoise.report import evidence_of

    evidence = evidence_of(learned_sets(options))
    assert evidence is not None
    return evidence_page(evidence)


def _set_page(options: DenoiseOptions) -> Figure:
    from core.figures.set_gallery import set_page
    from core.runs.denoise.learning import learned_sets
    from core.runs.denoise.report import largest

    return set_page(largest(learned_sets(options)).prior)
