"""A denoising run: denoised stacks, and the same metadata pointing at them, in one folder."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import torch

from ...compute.distributed import joined, local_rank, local_size
from ...counting import counted
from ...denoise.confidence_file import read_confidences
from ...denoise.filtered import tell_filtered
from ...errors import IceblockError
from ...progress import progress_bar
from ...remarks import collected
from ..folder import helping, locked
from ..record import machine, tell_again, write_record
from ..relay import forget_relayed, relayed, tell_relayed
from ..samples import draw_sample
from .group import START, Group
from .identity import GROWN, claim_set, moment, require_same_input, tell_growth
from .inputs import prepare, settle_contrast, spare_inputs, with_contrasts
from .learning import SET, described, know_sets, known_sets
from .options import OUTLIERS, UNUSABLE
from .passed_through import forget_lists, merge_lists, tell_outliers
from .processes import denoise_in_processes, set_threads
from .report import farewell, report
from .share import denoise_share, denoiser_of, share_stacks
from .warnings import tell_result, tell_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ...denoise.stacks import Outcome
    from ...figures.sample import Sample
    from ...images.output_plan import OutputPlan, StackJob
    from ...progress import Bar
    from .inputs import Work
    from .options import DenoiseOptions


WHITE = 1
"""For stacks without a contrast; here each has one by then."""


@dataclass(frozen=True)
class Denoised:
    """What a finished run can tell: its record, and some particles before and after."""

    record: dict[str, Any]
    sample: Sample


def run(
    options: DenoiseOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> Denoised:
    """Denoise a set of particles; an earlier, stopped run of the same kind is continued.

    Whole stacks are shared over processes where `options` ask for several, and where torchrun or
    srun started several; the first of those then writes all but the stacks. The output's bytes
    depend neither on the number of processes nor on that of threads.

    Parameters
    ----------
    options
        See `DenoiseOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called after every batch; may raise to stop the run.

    Returns
    -------
    denoised
        The record and a sample for pictures.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the model, the device or the output folder.
    """
    started = time.monotonic()
    with joined(torch.device("cpu"), START, progress, heartbeat) as ranks:
        group = Group(ranks)
        stream = (progress or sys.stderr) if ranks.first else None
        with collected(stream) as told:
            with group.agreeing():
                options.check()
                set_threads(options, local_size())
                work = prepare(options, local_rank(), ranks.size)
                heartbeat()
                spare_inputs(options, work.plan)
            if not ranks.first:
                return _help(options, work, group, heartbeat)
            return _lead(options, work, group, progress, heartbeat, told, started)


def _lead(
    options: DenoiseOptions,
    work: Work,
    group: Group,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
    told: list[str],
    started: float,
) -> Denoised:
    """Do the run, as its only or its first process; `told` is what was warned of until now."""
    outputs = (options.output.name, options.stacks, options.report, UNUSABLE, OUTLIERS, SET)
    with contextlib.ExitStack() as held:
        with group.agreeing(patient=True):
            held.enter_context(locked(options.out))
            earlier = claim_set(options, work.identity, outputs)
            record: dict[str, Any] = {
                **(earlier or {}),
                "state": "running",
                "command": options.command,
                "identity": work.identity,
                "denoised_stacks": options.stacks,
            }
            if earlier is None:  # before the record, by which a next run would keep them
                forget_lists(options.out)
                forget_relayed(options.out)
            tell_again(earlier)
            write_record(options.out, record)
            tell_scale(work)
            merge_lists(options.out, work.plan)
            merge_lists(options.out, work.plan, OUTLIERS)
            tell_growth(options, record, len(work.plan.jobs))
            # New stacks must not turn those round that are done.
            found = record.get("stack_contrasts", {}) if GROWN in record else {}
            plan, doubtful = settle_contrast(options, work.plan, found)
            record["stack_contrasts"] = {job.output: job.contrast for job in plan.jobs}
            record["contrast_doubtful"] = doubtful
            write_record(options.out, record)  # a pass that is stopped has taken them so
            work = replace(work, plan=plan)
            tell_filtered(plan.jobs, work.model.card.working_pixel_size)
            if not options.each_alone:
                know_sets(options, work, WHITE, progress, heartbeat)
        owners = share_stacks(options, plan.jobs, group.ranks.size)
        signs = [job.contrast for job in plan.jobs]
        group.tell((str(options.out), work.identity, signs, owners))
        with group.agreeing():
            pass  # the others hold their locks
        outcome, seconds = _denoise(options, work, group, owners, progress, heartbeat)
        require_same_input(work.particles.source, work.before, moment(plan))
        record["passed_through"] = merge_lists(options.out, plan)
        record["with_outliers"] = merge_lists(options.out, plan, OUTLIERS)
        tell_outliers(options, record["with_outliers"])
        record |= _results(options, work, group.ranks.size, outcome)
        record["sets"] = described(known_sets(options))
        tell_relayed(options.out)
        tell_result(options, plan, record)
        record["warnings"] = list(told)
        if outcome.computed or "images_per_second" not in record:
            record |= _speed(outcome, seconds)
        _write_metadata(options, work, plan)
        sample = report(options, plan, work.model, WHITE, record)
        record["state"] = "finished"
        if outcome.computed or "total_seconds" not in record:
            record["total_seconds"] = round(time.monotonic() - started, 2)
        write_record(options.out, record)
        forget_relayed(options.out)
    if progress:
        print(farewell(options, record), file=progress, flush=True)
    return Denoised(record, sample)


def _help(
    options: DenoiseOptions, work: Work, group: Group, heartbeat: Callable[[], None]
) -> Denoised:
    """Do a share of the run, as one of the processes beside the first."""
    ranks = group.ranks
    with group.agreeing(patient=True):
        pass  # the first process has the folder, and knows the sets
    out, identity, signs, owners = group.tell(None)
    with contextlib.ExitStack() as held:
        with group.agreeing():
            if (out, identity) != (str(options.out), work.identity):
                other = [name for name in identity if work.identity.get(name) != identity[name]]
                raise IceblockError(
                    f"Process {ranks.rank} of {ranks.size} has another run than the first ("
                    f"different: {', '.join(other) or 'out'}); give all the same command, on "
                    "machines that see the same files, or start each by itself"
                )
            held.enter_context(helping(options.out))
            plan = with_contrasts(work.plan, signs)
            work = replace(work, plan=plan)
        outcome, _ = _denoise(options, work, group, owners, None, heartbeat)
    record = _results(options, work, ranks.size, outcome)
    return Denoised(record, draw_sample(plan, options.out / options.stacks, WHITE))


def _denoise(
    options: DenoiseOptions,
    work: Work,
    group: Group,
    owners: list[int],
    progress: TextIO | None,
    heartbeat: Callable[[], None],
) -> tuple[Outcome, float]:
    """Run this process's stacks under a progress bar; returns what all did, and the seconds."""
    ranks, plan = group.ranks, work.plan
    jobs = [job for job, owner in zip(plan.jobs, owners, strict=True) if owner == ranks.rank]
    wanted = options.processes or max(1, len(options.gpus()))
    processes = min(wanted, len(jobs)) if ranks.size == 1 else 1
    if progress and processes < wanted and ranks.size == 1:
        print(f"note: processes share whole stacks, here {counted(len(jobs), 'stack')}: "
              f"{processes} of {wanted} processes work", file=progress, flush=True)  # fmt: skip
    begin = time.perf_counter()
    with _bar(jobs, ranks.size, progress) as bar:

        def watch(done: int, computed: bool) -> None:
            bar.update(done)
            if not computed:
                bar.unpause()  # images found whole say nothing about the speed
            heartbeat()

        if processes > 1:
            outcome = denoise_in_processes(
                options, jobs, work.model, WHITE, work.ctf, processes, bar, heartbeat
            )
        else:
            denoiser = denoiser_of(options, work.model, work.device)
            process = ranks.rank if ranks.size > 1 else None
            with relayed(options.out, ranks.rank):
                outcome = denoise_share(options, jobs, denoiser, WHITE, process, watch, work.ctf)
    return group.finish(outcome, heartbeat), time.perf_counter() - begin


def _bar(jobs: Sequence[StackJob], processes: int, progress: TextIO | None) -> Bar:
    share = f" (1 of {processes} shares)" if processes > 1 else ""
    total = sum(len(job.indices) for job in jobs)
    return progress_bar(total, "img", f"denoising{share}", progress)


def _results(
    options: DenoiseOptions, work: Work, processes: int, outcome: Outcome
) -> dict[str, Any]:
    device, plan = work.device, work.plan
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    started = min(options.processes or max(1, len(options.gpus())), len(plan.jobs))
    return {
        "model": {"name": work.model.card.name, "file": str(work.model.path)},
        "device": {
            "name": name,
            "processes": processes if processes > 1 else started,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        "machine": machine(),
        "seeds": "none: the result depends on the inputs alone",
        "contrast": _contrast_words(plan),
        "images": sum(len(job.indices) for job in plan.jobs),
        "particles": len(plan.job_of_row),
        "stacks": len(plan.jobs),
        "computed": outcome.computed,
        "found_whole": outcome.found,
    }


def _speed(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Time the last pass that computed anything."""
    return {
        "denoising_seconds": round(seconds, 3),
        "images_per_second": round(outcome.computed / max(seconds, 1e-9), 1),
    }


def _contrast_words(plan: OutputPlan) -> str:
    signs = {job.contrast for job in plan.jobs}
    return " and ".join(word for sign, word in ((1, "white"), (-1, "black")) if sign in signs)


def _write_metadata(options: DenoiseOptions, work: Work, plan: OutputPlan) -> None:
    folder = work.particles.relative_name(options.out / options.stacks)
    made = work.particles.with_images(plan.image_names(folder), work.again.tolist())
    if options.confidence:
        made = made.with_confidences(_confidences(options, plan))
    made.write(options.output)


def _confidences(options: DenoiseOptions, plan: OutputPlan) -> npt.NDArray[np.float32]:
    """Gather the (N,) confidences of all particles from the files beside their stacks."""
    values = np.zeros(len(plan.job_of_row), dtype=np.float32)
    for number, job in enumerate(plan.jobs):
        stack = options.out / options.stacks / job.output
        rows = plan.job_of_row == number
        values[rows] = read_confidences(stack, len(job.indices))[plan.position_of_row[rows]]
    return values
