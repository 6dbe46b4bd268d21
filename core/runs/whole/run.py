"""A whole run: noise blocks, fine-tuning, denoised particles and their examination, in one folder.

Each stage is a run of its own, as its own command would start it, in a folder of its own, where it
is continued or left as it is when the whole run is started again.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

import torch

from ...remarks import collected
from ..folder import locked
from ..record import machine, tell_again, write_record
from .folder import claim_stages, identify
from .inputs import look
from .report import farewell, report
from .stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from .options import WholeOptions


def run(
    options: WholeOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Denoise a set of particles with all that can be learned from their project.

    Without micrographs or without a reference volume no model is trained: the given model denoises
    as it is, and the report says so. The fine-tuned model is used unless it scores worse than the
    given one on noise that was kept out of the training.

    Parameters
    ----------
    options
        See `WholeOptions`.
    progress
        Where the progress bars and remarks go; None for silence.
    heartbeat
        Called between batches, steps and micrographs; may raise to stop the run.

    Returns
    -------
    record
        As in run.json.

    Raises
    ------
    IceblockError
        For anything wrong with the inputs, the models, the device or the output folder.
    """
    with collected(progress or sys.stderr) as told:
        return _run(options, progress, heartbeat, told)


def _run(
    options: WholeOptions,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
    told: list[str],
) -> dict[str, Any]:
    """Do the run; `told` is the list of what is warned of."""
    threads = options.threads or torch.get_num_threads()
    torch.set_num_threads(threads)
    inputs = look(options)
    identity = identify(options, inputs)
    heartbeat()
    with locked(options.out):
        record = claim_stages(options.out, identity, (options.report,), options.overwrite) or {}
        record |= {"state": "running", "command": options.command, "identity": identity}
        record.setdefault("stages", {})
        tell_again(record)
        write_record(options.out, record)
        stages = Stages(options, inputs, record, threads, progress, heartbeat, told)
        stages.tell_choices()
        bank = stages.noise()
        model = stages.tuning(bank)
        denoised = stages.denoising(model)
        stages.trust(bank, model)
        record |= {"remarks": list(inputs.remarks), "warnings": list(told)}
        report(options, inputs, record, bank, denoised.sample)
        record |= {"state": "finished", "machine": machine()}
        write_record(options.out, record)
    if progress:
        print(farewell(options, record), file=progress, flush=True)
    return record
