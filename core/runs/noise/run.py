"""A run that cuts a noise bank out of micrographs, in one folder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from ... import __version__
from ...compute.threads import one_thread_each, shared_threads
from ...console import Console
from ...errors import IceblockError
from ...images.micrographs.picks import Picks
from ...images.star.document import StarFile
from ...noise.bank import BLOCKS, SAME_PIXEL_SIZE, TABLE, NoiseBank, OpticsGroup
from ...noise.bank_writer import WORK, BankWriter
from ...noise.synthesis import synthetic_parts
from ...segment.segmenter import Segmenter
from ..labelled import Labelled, fingerprints, gather
from ..life import Run, begun
from ..record import FINISHED, write_record
from ..relay import relayed, tell_relayed
from .fallback import give_up, smaller_box
from .micrograph_cutting import Facts, MicrographCutter, Unreadable
from .options import COUNTS, INSPECTION, OVERLAYS, REMARKS, UNREADABLE, NoiseOptions
from .record import WITHOUT_BLOCKS, NoiseRecord
from .report import last_lines, report, write_lists
from .summary import Summary

WORKERS = 4
"""Micrographs in memory at most."""
_POLL = 0.5


def run(
    options: NoiseOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
    segmenter: Segmenter | None = None,
) -> None:
    """Cut a noise bank; an earlier, stopped run of the same kind is continued.

    Where the ice has no room for blocks of the box that is asked for, smaller ones are cut.

    Parameters
    ----------
    options
        See `NoiseOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called at least every second; may raise to stop the run.
    segmenter
        What labels the micrographs; by default the network that `options` names.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the model or the output folder, when no micrograph can
        be read, and when none gives a block.
    """
    console = Console(progress, heartbeat)
    outputs = (
        TABLE, BLOCKS, WORK, COUNTS, OVERLAYS, REMARKS, UNREADABLE, INSPECTION, options.report
    )  # fmt: skip
    with begun(options, console) as this:
        micrographs, picks = gather(
            options.micrographs, options.picks, options.masks, options.pixel_size
        )
        optics = _optics(options.micrographs, _one_pixel_size(micrographs))
        segmenter = segmenter or Segmenter.load(options.model)
        identity = _identity(options, micrographs, segmenter)

        def whole() -> bool:
            return (options.out / TABLE).is_file()

        with this.recorded(NoiseRecord, identity, outputs, whole=whole) as record:
            sized = replace(options, box=record.box or options.box)
            writer = BankWriter(options.out, sized.box, [optics])
            cutter = MicrographCutter(sized, micrographs, segmenter, writer)
            if record.state != FINISHED:
                cutter, summary = _cut_what_fits(cutter, options.box, picks, record, this, console)
                _make(cutter, summary, record, this, console)
            cutter.writer.clean()
    console.say(last_lines(cutter.options, record))


def _cut_what_fits(
    cutter: MicrographCutter,
    asked: int,
    picks: Picks | None,
    record: NoiseRecord,
    this: Run,
    console: Console,
) -> tuple[MicrographCutter, Summary]:
    """Cut all micrographs; where too few blocks of the box `asked` fit in, smaller ones."""
    while True:
        options = cutter.options
        summary = Summary(options, cutter.micrographs, picks, console.say)
        _cut_all(cutter, summary, console)
        box = smaller_box(asked, options, summary.real)
        if box is None:
            return cutter, summary
        give_up(options, summary.real, box)
        # Last: a run that is stopped before cuts the larger ones again, and comes to the same.
        record.box = box
        this.note(record)
        write_record(options.out, record)
        cutter = replace(
            cutter, options=replace(options, box=box), writer=cutter.writer.of_box(box)
        )


def _make(
    cutter: MicrographCutter, summary: Summary, record: NoiseRecord, this: Run, console: Console
) -> None:
    """Make a bank of the blocks that were cut, and write the report."""
    options = cutter.options
    write_lists(options, summary)
    summary.note(record)
    if not summary.real:
        record.state = WITHOUT_BLOCKS
        write_record(options.out, record)
        raise summary.without_blocks()
    summary.conclude()
    this.note(record)
    with one_thread_each():
        bank = _assemble(options, cutter.writer, summary, console.heartbeat)
        report(options, bank, summary, record)


def _one_pixel_size(micrographs: Sequence[Labelled]) -> float:
    sizes = [one.micrograph.pixel_size for one in micrographs]
    for one, size in zip(micrographs, sizes, strict=True):
        if not 1 / (1 + SAME_PIXEL_SIZE) <= size / sizes[0] <= 1 + SAME_PIXEL_SIZE:
            raise IceblockError(
                f"{micrographs[0].micrograph.name} has {sizes[0]:g} Å per pixel and "
                f"{one.micrograph.name} {size:g} Å; cut a bank from the micrographs of each pixel "
                "size"
            )
    return sizes[0]


def _optics(sources: Sequence[Path], pixel_size: float) -> OpticsGroup:
    """Take voltage, Cs and amplitude contrast from the first STAR file that has them."""
    for source in sources:
        if source.suffix.lower() != ".star":
            continue
        star = StarFile.read(source)
        known = {}
        for name, tag in (
            ("voltage", "_rlnVoltage"),
            ("spherical_aberration", "_rlnSphericalAberration"),
            ("amplitude_contrast", "_rlnAmplitudeContrast"),
        ):
            table = star.find(tag)
            if table is not None and len(table):
                known[name] = float(table.floats(tag)[0])
        return OpticsGroup(pixel_size, **known)
    return OpticsGroup(pixel_size)


def _identity(
    options: NoiseOptions, micrographs: Sequence[Labelled], segmenter: Segmenter
) -> dict[str, Any]:
    """All that the output's bytes depend on."""
    model = getattr(segmenter, "model", None)
    return {
        "version": __version__,
        **fingerprints(micrographs),
        "model": getattr(model, "sha256", type(segmenter).__name__),
        **options.identity(),
    }


def _cut_all(cutter: MicrographCutter, summary: Summary, console: Console) -> None:
    """Cut all micrographs under a progress bar, several at a time."""
    folder = cutter.options.out
    with shared_threads(WORKERS) as workers, relayed(folder, 0):
        _cut_each(cutter, summary, workers, console)
    tell_relayed(folder)


def _cut_each(cutter: MicrographCutter, summary: Summary, workers: int, console: Console) -> None:
    total = len(cutter.micrographs)
    with console.bar(total, "mic", "cutting") as bar, ThreadPoolExecutor(workers) as pool:
        left = iter(range(total))
        waiting: dict[Future[Facts], int] = {}
        try:
            while True:
                for number in itertools.islice(left, 2 * workers - len(waiting)):
                    waiting[pool.submit(cutter.cut, number)] = number
                if not waiting:
                    return
                done, _ = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
                for future in done:
                    _note(summary, waiting.pop(future), future)
                bar.advance(len(done))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _note(summary: Summary, number: int, future: Future[Facts]) -> None:
    try:
        summary.add(number, future.result())
    except Unreadable as error:
        summary.pass_over(number, str(error))


def _assemble(
    options: NoiseOptions, writer: BankWriter, summary: Summary, heartbeat: Callable[[], None]
) -> NoiseBank:
    if writer.whole:
        return NoiseBank.read(options.out)
    numbers = summary.numbers
    more = synthetic_parts(writer, numbers, options.synthetic) if options.synthetic else ()
    return writer.assemble(numbers, more, options.synthetic, heartbeat)
