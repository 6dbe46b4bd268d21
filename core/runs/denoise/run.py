"""A denoising run: denoised stacks, and the same metadata pointing at them, in one folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TextIO

import torch

from ...compute.distributed import joined, local_rank, local_size
from ...compute.free_memory import return_free_memory, share_free_memory
from ...console import Console
from ...denoise.estimators.network import Network
from ...denoise.filtered import tell_filtered
from ...denoise.stacks import Outcome
from ...errors import IceblockError
from ...figures.sample import Sample
from ...images.output_plan import OutputPlan
from ...remarks import collected
from ...wording import counted
from ..folder import helping
from ..life import Run, begun
from ..outliers import tell_outliers
from ..record import Device, write_record
from ..relay import tell_relayed
from ..samples import draw_sample
from .group import START, Group
from .identity import claim_set, moment, require_same_input, tell_growth
from .inputs import Work, prepare, settle_contrast, spare_inputs, told_by, with_contrasts
from .learning import SET, WEIGHTS, described, learn_sets, learned_sets
from .metadata import write_metadata
from .options import OUTLIERS, UNUSABLE, DenoiseOptions
from .passed_through import forget_lists, merge_lists
from .processes import denoise_in_processes
from .record import DenoiseRecord, ModelUsed
from .report import last_lines, report
from .share import denoise_share, denoiser_of, share_stacks
from .warnings import tell_empty, tell_result, tell_scale


@dataclass(frozen=True)
class Denoised:
    """What a finished run can tell: its record, and some particles before and after."""

    record: DenoiseRecord
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
    share_free_memory()
    with joined(torch.device("cpu"), START, Console(progress, heartbeat)) as ranks:
        console = Console(progress, heartbeat, speaks=ranks.first)
        group = Group(ranks)
        with contextlib.ExitStack() as held:
            with group.agreeing():
                this = held.enter_context(begun(options, console, local_size()))
                work = prepare(options, local_rank(), ranks.size)
                console.heartbeat()
                spare_inputs(options, work.plan)
            share = Share(options, work, group, console)
            return _lead(share, this) if ranks.first else _help(share)


def _lead(share: Share, this: Run) -> Denoised:
    """Do the run, as its only or its first process."""
    options, work, group = share.options, share.work, share.group
    made = (options.output.name, options.stacks, options.report)
    outputs = (*made, UNUSABLE, OUTLIERS, SET, WEIGHTS)

    def claims() -> DenoiseRecord | None:
        earlier = claim_set(options, work.identity, outputs)
        if earlier is None:  # before the record, by which a next run would keep them
            forget_lists(options.out)
        return earlier

    recorded = this.recorded(DenoiseRecord, work.identity, outputs, claims=claims)
    with contextlib.ExitStack() as held:
        with group.agreeing(patient=True):
            record = held.enter_context(recorded)
            share = replace(share, work=_settle(share, record))
        plan = share.work.plan
        owners = share_stacks(options, plan.jobs, group.ranks.size)
        group.tell((str(options.out), work.identity, [job.contrast for job in plan.jobs], owners))
        group.confirm()  # the others hold their locks
        began = time.perf_counter()
        outcome = share.denoise(owners)
        seconds = time.perf_counter() - began
        return_free_memory()
        require_same_input(work.particles.source, work.before, moment(plan))
        record.passed_through = merge_lists(options.out, plan)
        record.with_outliers = merge_lists(options.out, plan, OUTLIERS)
        tell_outliers(record.with_outliers, options.out / OUTLIERS)
        share.note(record, outcome)
        record.sets = described(learned_sets(options))
        tell_relayed(options.out)
        tell_result(options, plan, record.passed_through)
        if not options.each_alone and not work.again.any():
            tell_empty(share.work, record, outcome.computed, share.console)
        if outcome.computed or record.images_per_second is None:  # else nothing was timed
            record.denoising_seconds = round(seconds, 3)
            record.images_per_second = round(outcome.computed / max(seconds, 1e-9), 1)
        if work.partial:
            record.out_of = work.particles.n
            record.whole = work.whole.words(record.images_per_second)
        write_metadata(options, share.work)
        this.note(record)
        return_free_memory()
        sample = report(options, plan, work.model, record)
    share.console.say(last_lines(options, record))
    return Denoised(record, sample)


def _settle(share: Share, record: DenoiseRecord) -> Work:
    """Settle what all stacks have in common: their contrasts, and what their set teaches."""
    options, work = share.options, share.work
    tell_scale(work)
    merge_lists(options.out, work.plan)
    merge_lists(options.out, work.plan, OUTLIERS)
    tell_growth(options, record.grown, len(work.plan.jobs))
    # New stacks must not turn those round that are done.
    found = record.stack_contrasts if record.grown is not None else {}
    with collected() as told:
        plan, record.contrast_doubtful = settle_contrast(options, work.plan, found)
    record.contrast_warnings, record.contrast_from = list(told), told_by(options, work.plan)
    record.stack_contrasts = {job.output: job.contrast for job in plan.jobs}
    record.denoised_stacks = options.stacks
    write_record(options.out, record)  # a pass that is stopped has taken them so
    working_pixel_size = work.model.card.working_pixel_size
    tell_filtered(plan.jobs, working_pixel_size)
    if not options.each_alone:
        network = Network(work.model.generator, work.device)
        began = time.perf_counter()
        if learn_sets(options, plan.jobs, work.ctf, network, working_pixel_size, share.console):
            record.learning_seconds = round(time.perf_counter() - began, 3)
    return replace(work, plan=plan)


def _help(share: Share) -> Denoised:
    """Do a share of the run, as one of the processes beside the first."""
    options, work, group = share.options, share.work, share.group
    rank, size = group.ranks.rank, group.ranks.size
    group.confirm(patient=True)  # the first process has the folder, and knows the sets
    out, identity, signs, owners = group.tell(None)
    with contextlib.ExitStack() as held:
        with group.agreeing():
            if (out, identity) != (str(options.out), work.identity):
                other = [name for name in identity if work.identity.get(name) != identity[name]]
                raise IceblockError(
                    f"Process {rank} of {size} has another run than the first (different: "
                    f"{', '.join(other) or 'out'}); give all the same command, on machines that "
                    "see the same files, or start each by itself"
                )
            held.enter_context(helping(options.out))
            plan = with_contrasts(work.plan, signs)
            share = replace(share, work=replace(work, plan=plan))
        outcome = share.denoise(owners)
    record = DenoiseRecord()
    share.note(record, outcome)
    return Denoised(record, draw_sample(plan, options.out / options.stacks))


@dataclass(frozen=True)
class Share:
    """What one process of a run does."""

    options: DenoiseOptions
    work: Work
    group: Group
    console: Console

    @property
    def wanted(self) -> int:
        """Processes that were asked for on this machine."""
        return self.options.processes or max(1, len(self.options.gpus()))

    def denoise(self, owners: Sequence[int]) -> Outcome:
        """Denoise this process's stacks under a progress bar; gives what all have done."""
        options, ranks, work = self.options, self.group.ranks, self.work
        jobs = [
            job for job, owner in zip(work.plan.jobs, owners, strict=True) if owner == ranks.rank
        ]
        processes = min(self.wanted, len(jobs)) if ranks.size == 1 else 1
        if processes < self.wanted and ranks.size == 1:
            self.console.note(
                f"processes share whole stacks, here {counted(len(jobs), 'stack')}: {processes} of "
                f"{self.wanted} processes work"
            )
        part = f" (1 of {ranks.size} shares)" if ranks.size > 1 else ""
        total = sum(len(job.indices) for job in jobs)
        with self.console.bar(total, "img", f"denoising{part}") as bar:
            if processes > 1:
                outcome = denoise_in_processes(options, jobs, work, processes, bar)
            else:
                denoiser = denoiser_of(options, work.model, work.device)
                process = ranks.rank if ranks.size > 1 else None
                outcome = denoise_share(options, jobs, denoiser, process, bar.advance, work.ctf)
        return self.group.finish(outcome, self.console.heartbeat)

    def note(self, record: DenoiseRecord, outcome: Outcome) -> None:
        """Take what was done, and on what, into the record."""
        plan, model, size = self.work.plan, self.work.model, self.group.ranks.size
        started = min(self.wanted, len(plan.jobs))
        record.model = ModelUsed(model.card.name, str(model.path))
        record.device = Device.of(self.work.device, size if size > 1 else started)
        record.seeds = "none: the result depends on the inputs alone"
        record.contrast = _contrast_words(plan)
        record.images = sum(len(job.indices) for job in plan.jobs)
        record.particles, record.stacks = int(plan.chosen.sum()), plan.sources
        record.computed, record.found_whole = outcome.computed, outcome.found


def _contrast_words(plan: OutputPlan) -> str:
    signs = {job.contrast for job in plan.jobs}
    return " and ".join(word for sign, word in ((1, "white"), (-1, "black")) if sign in signs)
