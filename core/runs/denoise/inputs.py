"""What a denoising run reads before the first image, and what its output depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ...denoise.ctf_channel import reads_ctf
from ...denoise.model_file import Model, load_model
from ...denoise.shipped import DEFAULT, WITHOUT_CTF, find_model
from ...errors import IceblockError
from ...images.output_plan import OutputPlan, plan_output
from ...images.particles import ParticleSet
from ...images.validation import validate
from ...remarks import warn
from ...signal.ctf import CtfParameters
from ..contrast import check_contrast, look, tell_contrast
from ..particle_inputs import read_given
from ..provenance import denoised_rows, refuse_denoised
from ..usable_ctf import usable_ctf
from .extent import Extent
from .identity import identify, moment
from .learning import given_by
from .options import DenoiseOptions
from .share import device_of

NOT_AGAIN = (
    "name the raw particles (`iceblock restore` puts raw images back), or ask for it with "
    "--denoise-again"
)
ODD = "nothing is learned from these particles, and each of them is denoised by itself"


@dataclass(frozen=True, eq=False)
class Work:
    """What a process knows of a run before it begins."""

    particles: ParticleSet
    again: npt.NDArray[np.bool_]
    """(N,) which of them are denoised already."""
    plan: OutputPlan
    model: Model
    device: torch.device
    ctf: CtfParameters | None
    """Of all particles, NaN in rows without one; None where they have none, or none is wanted."""
    identity: dict[str, Any]
    """All that the output's bytes depend on."""
    before: str
    """The `moment` of the stacks when they were fingerprinted."""
    whole: Extent
    """Of all particles, also where only some are wanted."""

    @property
    def partial(self) -> bool:
        """Whether only some particles are wanted."""
        return not bool(self.plan.chosen.all())


def prepare(options: DenoiseOptions, place: int, processes: int) -> Work:
    """Read everything but the images."""
    device = device_of(options, place, processes)
    model = load_model(find_model(options.model))
    particles = read_given(options.particles, options)
    headers = validate(particles)
    again = raw_or_again(particles, options.denoise_again)
    rows = options.chosen(particles.n)
    plan = plan_output(particles, headers, None if rows is None else np.arange(particles.n)[rows])
    whole = Extent.of(plan if rows is None else plan_output(particles, headers), options.dtype)
    wanted = reads_ctf(model.generator) or not options.each_alone
    ctf = usable_ctf(particles, ODD) if wanted else None
    if ctf is None and options.model == DEFAULT:
        model = load_model(find_model(WITHOUT_CTF))
    before = moment(plan)
    given_by(options).check(model.card.working_pixel_size)
    identity = identify(options, plan, ctf, model, device)
    return Work(particles, again, plan, model, device, ctf, identity, before, whole)


def raw_or_again(particles: ParticleSet, allowed: bool) -> npt.NDArray[np.bool_]:
    """Refuse images that are denoised already, unless that is wanted.

    Returns
    -------
    again
        (N,) which particles have denoised images.
    """
    if not allowed:
        refuse_denoised(particles, NOT_AGAIN)
    again = denoised_rows(particles)
    if again.any():
        warn(
            f"{int(again.sum())} of the {particles.n} images of {particles.source} were denoised "
            "before, and are denoised again; what the first pass has lost does not come back"
        )
    return again


def spare_inputs(options: DenoiseOptions, plan: OutputPlan) -> None:
    """Refuse an output folder whose files are the input."""
    try:
        stacks = (options.out / options.stacks).resolve()
        metadata = options.output.resolve()
    except RuntimeError as error:
        raise IceblockError(
            f"{options.out} is a link that leads to itself; choose another output folder"
        ) from error
    inputs = {job.stack.path.resolve().parent for job in plan.jobs}
    read = {path.resolve() for path in (options.particles, *options.passthrough)}
    if stacks in inputs or metadata in read:
        raise IceblockError(f"{options.out} holds the input itself; choose another output folder")


class HasContrast(Protocol):
    """Options of a run that asks for the contrast."""

    @property
    def contrast(self) -> str:
        """white, black or auto."""
        ...


def settle_contrast(
    options: HasContrast, plan: OutputPlan, found: Mapping[str, int]
) -> tuple[OutputPlan, bool]:
    """Decide on the contrast: as given, else as the metadata declare, else as the images look.

    Parameters
    ----------
    options, plan
        Of the run.
    found
        What was decided before, by output stack.

    Returns
    -------
    plan
        Each of its jobs has a contrast.
    doubtful
        Whether the images leave it open, or look the other way round than was said.
    """
    given = {"white": 1, "black": -1}.get(options.contrast, 0)
    seen, places = look(plan.jobs)
    said = [given or job.contrast for job in plan.jobs]
    by_group = dict(zip(places, said, strict=True))
    source = "blob/sign says" if not given else f"--contrast says ({options.contrast})"
    declared = [place for place in range(len(seen)) if by_group[place]]
    doubtful = bool(declared) and check_contrast(
        [seen[place] for place in declared], [by_group[place] for place in declared], source
    )
    left = [place for place in range(len(seen)) if not by_group[place]]
    if left:
        signs, open_ones = tell_contrast([seen[place] for place in left])
        by_group |= dict(zip(left, signs, strict=True))
        doubtful |= open_ones
    final = [
        own or found.get(job.output) or by_group[place]
        for job, own, place in zip(plan.jobs, said, places, strict=True)
    ]
    return with_contrasts(plan, final), doubtful


def told_by(options: HasContrast, plan: OutputPlan) -> str:
    """Say what tells the contrast of a plan that was not settled yet."""
    if options.contrast != "auto":
        return "as you said"
    declared = {bool(job.contrast) for job in plan.jobs}
    words = {True: "as blob/sign says", False: "told from their mean profile"}
    return ", or else ".join(how for known, how in words.items() if known in declared)


def with_contrasts(plan: OutputPlan, signs: Sequence[int]) -> OutputPlan:
    """Give a plan whose jobs have these contrasts, 1 or -1."""
    jobs = [replace(job, contrast=sign) for job, sign in zip(plan.jobs, signs, strict=True)]
    return replace(plan, jobs=tuple(jobs))


def contrasts(options: HasContrast, plan: OutputPlan) -> list[int]:
    """Decide for each stack of a run whether its particles are white (1) or black (-1)."""
    settled, _ = settle_contrast(options, plan, {})
    return [job.contrast for job in settled.jobs]
