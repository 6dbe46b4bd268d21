"""What makes a denoising run this run, and how a set may grow under it.

The stacks that are made depend on the images, their CTFs, the model and the settings. A set that
has got more stacks since is still the same: those that are there are kept, the new ones are added,
and what the first ones taught stays, so that all are denoised alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ...compute.device import bf16_pays
from ...denoise.known_set_file import SET, read_sets
from ...denoise.model_file import Model
from ...errors import IceblockError
from ...images.class_averages import class_stacks
from ...images.cs.table import read_table
from ...images.output_plan import OutputPlan, StackJob
from ...remarks import warn
from ...signal.ctf import CtfParameters
from .. import stamps
from ..folder import claim
from ..record import read_record
from ..stamps import sampled_all
from .options import DenoiseOptions
from .record import DenoiseRecord


def identify(
    options: DenoiseOptions,
    plan: OutputPlan,
    ctf: CtfParameters | None,
    model: Model,
    device: torch.device,
) -> dict[str, Any]:
    """Collect all that the stacks depend on; `particles` only says where they were."""
    return {
        "version": __version__,
        "particles": str(options.particles),
        "stacks": stack_stamps(plan, ctf),
        "model_sha256": model.sha256,
        "device_type": device.type,
        "bf16": bf16_pays(device),
        **options.identity(),
        **_given_stamps(options),
        **({"passthrough": _passed_fields(options.passthrough)} if options.passthrough else {}),
    }


def _given_stamps(options: DenoiseOptions) -> dict[str, list[str]]:
    """Say what the files hold by which the user knows the particles."""
    classes: list[str] = []
    if options.classes is not None:
        stacks = class_stacks(options.classes, options.project_dir)
        classes = [stamps.stamp(options.classes), *sampled_all(stacks).values()]
    return {"volumes": stamps.stamps(options.volumes), "classes": classes}


def _passed_fields(paths: Sequence[Path]) -> list[str]:
    """Name the fields of passthrough files: their rows may become more as the set grows."""
    return sorted({name for path in paths for name in read_table(path).dtype.names or ()})


def claim_set(
    options: DenoiseOptions, identity: dict[str, Any], outputs: Sequence[str]
) -> DenoiseRecord | None:
    """Check that the output folder is free, or holds this run or a pass over fewer stacks.

    Parameters
    ----------
    options
        Of the run.
    identity, outputs
        See `folder.claim`.

    Returns
    -------
    record
        That of the earlier pass, which is to be continued; None for a new run. `grown` in it is
        the number of its stacks where there are more now.
    """
    folder = options.out
    earlier = read_record(folder, DenoiseRecord) or DenoiseRecord()
    known = earlier.identity
    alike = identity | {"particles": known.get("particles")}
    had, has = known.get("stacks"), identity["stacks"]
    grown = isinstance(had, dict) and had != has and had.items() <= has.items()
    if grown:
        alike["stacks"] = had
    if known.get("each_alone", options.each_alone) != options.each_alone:
        alike["stacks"] = had  # their stamps differ by the CTFs alone, which only one of them needs
    begun = (folder / SET, *(folder / options.stacks / name for name in had or ()))
    grown = grown and any(path.exists() for path in begun)
    if (grown or earlier.grown is not None) and not _still_known(options):
        if not options.overwrite:
            raise IceblockError(
                f"{folder / SET} was learned from the first stacks of this set, which has grown, "
                "and it cannot be read any more; choose another output folder, or give --overwrite "
                "to denoise all stacks anew"
            )
        alike["grown"] = "no more"  # which is another run
    record = claim(DenoiseRecord, folder, alike, outputs, options.overwrite)
    if record is not None and grown and record.grown is None:
        record.grown = len(had or ())
    return record


def tell_growth(options: DenoiseOptions, grown_from: int | None, stacks: int) -> None:
    """Say what a set that has grown means for the result; nothing where it has not.

    Parameters
    ----------
    options
        Of the run.
    grown_from
        How many stacks there were when the set was learned; None where it has not grown.
    stacks
        How many there are now.
    """
    if grown_from is None:
        return
    said = f"The set has grown from {grown_from} to {stacks} stacks: the new ones were added"
    if options.each_alone:
        warn(f"{said}, and those that were done are kept.")
        return
    warn(
        f"{said} and denoised with what the first {grown_from} had taught, as those were; to learn "
        "from all, denoise again with --overwrite."
    )


def _still_known(options: DenoiseOptions) -> bool:
    """Whether there is what the first stacks have taught, if anything was to be learned."""
    if options.each_alone:
        return True
    try:
        read_sets(options.out)
    except IceblockError:
        return False
    return True


def moment(plan: OutputPlan) -> str:
    """Note sizes and dates of the input stacks, to see whether they change during a run."""
    return stamps.moment(sorted({job.stack.path for job in plan.jobs}))


def require_same_input(source: Path, before: str, after: str) -> None:
    """Refuse to finish on stacks that changed while they were read: nobody knows what was read."""
    if before != after:
        raise IceblockError(
            f"The stacks of {source} changed while they were denoised; let the program that "
            "writes them finish, then give the same command with --overwrite"
        )


def stack_stamps(plan: OutputPlan, ctf: CtfParameters | None) -> dict[str, str]:
    """Fingerprint what each output stack is made from, by the name of that stack."""
    contents = sampled_all(job.stack.path for job in plan.jobs)
    return {job.output: _stamp(job, contents[job.stack.path], ctf) for job in plan.jobs}


def _stamp(job: StackJob, content: str, ctf: CtfParameters | None) -> str:
    digest = hashlib.sha256(f"{content} {job.pixel_size!r} {job.contrast}\n".encode())
    digest.update(job.indices.tobytes())
    if ctf is not None:
        optics = ctf.take(job.rows)
        for field in fields(optics):
            digest.update(getattr(optics, field.name).tobytes())
    return digest.hexdigest()[:32]
