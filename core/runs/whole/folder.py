"""The output folder of a whole run: which of its stages were made from the same as now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import IceblockError
from ..denoise.identity import stack_stamps
from ..denoise.options import DenoiseOptions
from ..folder import claim
from ..labelled import fingerprints
from ..record import read_record
from ..stamps import fingerprint, stamps
from ..train.options import TrainOptions
from .inputs import WholeInputs
from .options import CLASSES, DENOISED, MODEL, NOISE, TRUST, WholeOptions
from .record import ClassesStage, DenoisingStage, StageRecords, TrustStage, WholeRecord

STAGES = {
    "noise": NOISE,
    "tuning": MODEL,
    "denoising": DENOISED,
    "classes": CLASSES,
    "trust": TRUST,
}
"""Each stage and its folder, in their order; each needs those before it."""
GROWING = ("noise micrographs", "noise picks", "noise masks", "tuning particles")
"""What changes in the identity when a set gets more stacks, beside the stacks."""


def identify(options: WholeOptions, inputs: WholeInputs) -> dict[str, Any]:
    """Collect all that the outputs depend on, each by the stage that needs it first.

    The names, as in `tuning volumes`, begin with the stage; a refusal shows them.
    """
    known = fingerprints(inputs.micrographs)
    found: dict[str, Any] = {
        "noise version": __version__,
        **{f"noise {name}": value for name, value in known.items()},
        "noise segmentation": fingerprint(inputs.segmentation) if inputs.micrographs else None,
        "noise particle_diameter": inputs.diameter if inputs.micrographs else None,
        "noise box": inputs.noise_box,
        "tuning volumes": stamps(options.volumes),
        "tuning particles": fingerprint(inputs.particles.source),
        "tuning pixel_size": options.pixel_size,
        "tuning model": inputs.model.sha256,
        **{f"tuning {name}": value for name, value in options.identity(TrainOptions).items()},
        "tuning time_limit": options.seconds,
        "tuning device_type": inputs.device.type,
        "tuning gpus": options.gpu,
        "denoising stacks": stack_stamps(inputs.plan, None),
        **{f"denoising {name}": value for name, value in options.identity(DenoiseOptions).items()},
        "classes classify": options.classify,
        "classes mask_diameter": inputs.mask_diameter,
        "trust gate": options.gate,
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))  # as the record gives it back
    return plain


def claim_stages(
    folder: Path, identity: Mapping[str, Any], outputs: Sequence[str], overwrite: bool
) -> WholeRecord | None:
    """Check that a folder is free, or holds this very run, and clear what is to be made again.

    Parameters
    ----------
    folder
        Of the whole run, locked.
    identity
        From `identify`.
    outputs
        Names in the folder that the whole run makes besides its stages' folders.
    overwrite
        Remove the stages of another recorded run that were made from something else, and those
        after them; of this run, when it had finished, all.

    Returns
    -------
    record
        That of the earlier run, which is to be continued; None for a new one.

    Raises
    ------
    IceblockError
        If the folder holds another run's outputs and `overwrite` is not given, or those of another
        command.
    """
    record = read_record(folder, WholeRecord)
    if record is not None and "noise version" not in record.identity:
        raise IceblockError(
            f"{folder} holds the outputs of another command; choose another output folder"
        )
    if record is not None and not overwrite and has_grown(record, identity):
        return _with_more(folder, record)
    everything = (*STAGES.values(), *outputs)
    differs = _first_that_differs(record.identity if record else {}, identity)
    if record is None or differs is None or not overwrite:
        return claim(WholeRecord, folder, dict(identity), everything, overwrite)
    stages = list(STAGES)
    for stage in stages[stages.index(differs) :]:
        shutil.rmtree(folder / STAGES[stage], ignore_errors=True)
        setattr(record.stages, stage, getattr(StageRecords(), stage))
    return record


def has_grown(record: WholeRecord, identity: Mapping[str, Any]) -> bool:
    """Tell whether a run whose model is settled is given again for a set with more stacks.

    More micrographs and picks may have come with them.
    """
    known = record.identity
    had, has = known.get("denoising stacks"), identity["denoising stacks"]
    if not isinstance(had, dict) or not had.items() < has.items():
        return False
    names = {*known, *identity} - {"denoising stacks", *GROWING}
    stages = (record.stages.noise, record.stages.tuning)
    settled = all(stage.left_out or stage.seconds is not None for stage in stages)
    return settled and all(known.get(name) == identity.get(name) for name in names)


def _with_more(folder: Path, record: WholeRecord) -> WholeRecord:
    """Keep noise blocks and model; the new stacks are denoised, and the rest is made anew."""
    stages = record.stages
    stages.noise.kept = stages.tuning.kept = True
    stages.denoising, stages.classes, stages.trust = DenoisingStage(), ClassesStage(), TrustStage()
    for name in (CLASSES, TRUST):
        shutil.rmtree(folder / name, ignore_errors=True)
    return record


def _first_that_differs(known: Mapping[str, Any], identity: Mapping[str, Any]) -> str | None:
    """Give the first stage that was made from something else; None where all agree."""
    names = {*known, *identity}
    changed = {name for name in names if known.get(name) != identity.get(name)}
    for stage in STAGES:
        if any(name.partition(" ")[0] == stage for name in changed):
            return stage
    return "noise" if changed else None
