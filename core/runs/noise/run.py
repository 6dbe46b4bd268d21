"""A run that cuts a noise bank out of micrographs, in one folder."""

from __future__ import annotations

import itertools
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

import torch
from tqdm import tqdm

from ... import __version__
from ...compute.threads import one_thread_each
from ...errors import IceblockError
from ...images.star.document import StarFile
from ...noise.bank import BLOCKS, SAME_PIXEL_SIZE, TABLE, NoiseBank, OpticsGroup
from ...noise.bank_writer import WORK, BankWriter
from ...noise.synthesis import synthetic_parts
from ...progress import progress_bar
from ...remarks import collected
from ...remarks import warn as warn_user
from ...segment.segmenter import Segmenter
from ..folder import claim, locked
from ..labelled import fingerprints, gather
from ..record import machine, read_record, tell_again, write_record
from ..relay import forget_relayed, relayed, tell_relayed
from .micrograph_cutting import MicrographCutter, Unreadable
from .options import COUNTS, INSPECTION, OVERLAYS, REMARKS, UNREADABLE
from .report import farewell, report, write_lists
from .summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from ..labelled import Labelled
    from .micrograph_cutting import SegmentsMicrographs
    from .options import NoiseOptions

WORKERS = 4
"""Micrographs in memory at most."""
_POLL = 0.5
_EMPTY = "without blocks"


def run(
    options: NoiseOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] | None = None,
    segmenter: SegmentsMicrographs | None = None,
) -> None:
    """Cut a noise bank; an earlier, stopped run of the same kind is continued.

    Parameters
    ----------
    options
        See `NoiseOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called at least every second; may raise to stop the run.
    warn
        Told each warning on the whole run in place of `remarks.warn`.
    segmenter
        What labels the micrographs; by default the network that `options` names.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the model or the output folder, when no micrograph can
        be read, and when none gives a block.
    """
    with collected(progress or sys.stderr) as told:
        _run(options, progress, heartbeat, warn or warn_user, segmenter, told)


def _run(
    options: NoiseOptions,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
    warn: Callable[[str], None],
    segmenter: SegmentsMicrographs | None,
    told: list[str],
) -> None:
    """Do the run; `told` is the list of what is warned of."""
    options.check()
    workers = _share_threads(options.threads)
    started = time.time()
    micrographs, picks = gather(
        options.micrographs, options.picks, options.masks, options.pixel_size
    )
    optics = _optics(options.micrographs, _one_pixel_size(micrographs))
    segmenter = segmenter or Segmenter.load(options.model)
    identity = _identity(options, micrographs, segmenter)
    outputs = (
        TABLE, BLOCKS, WORK, COUNTS, OVERLAYS, REMARKS, UNREADABLE, INSPECTION, options.report
    )  # fmt: skip
    with locked(options.out):
        before = read_record(options.out) or {}
        overwrite = options.overwrite or before.get("state") == _EMPTY
        record = claim(options.out, identity, outputs, overwrite) or {}
        writer = BankWriter(options.out, options.box, [optics])
        if record.get("state") != "finished" or not writer.whole:
            summary = Summary(options, micrographs, picks, warn, _to(progress))
            if not record:
                forget_relayed(options.out)
            record |= {"state": "running", "command": options.command, "identity": identity}
            write_record(options.out, record)
            cutter = MicrographCutter(options, micrographs, segmenter, writer)
            with relayed(options.out, 0):
                _cut_all(cutter, summary, workers, progress, heartbeat)
            tell_relayed(options.out)
            write_lists(options, summary)
            if not summary.real:
                write_record(options.out, record | {"state": _EMPTY} | summary.record())
                raise summary.without_blocks()
            summary.conclude()
            record |= summary.record()
            record["warnings"] = list(dict.fromkeys([*told, *summary.warnings]))
            with one_thread_each():
                bank = _assemble(options, writer, summary, heartbeat)
                report(options, bank, summary, record)
            record |= {"state": "finished", "machine": machine()}
            record["total_seconds"] = round(time.time() - started, 2)
            write_record(options.out, record)
            forget_relayed(options.out)
        else:
            tell_again(record)
        writer.clean()
    if progress:
        print(farewell(options, record), file=progress, flush=True)


def _share_threads(threads: int | None) -> int:
    """Share the threads between micrographs and the work on each; gives the former.

    Each micrograph gets two threads or more: half of its work is the network's, which uses them,
    and large micrographs take about half a gigabyte each.
    """
    total = threads or torch.get_num_threads()
    workers = min(WORKERS, max(1, total // 2))
    torch.set_num_threads(max(1, total // workers))
    return workers


def _to(progress: TextIO | None) -> Callable[[str], None]:
    def say(text: str) -> None:
        if progress:
            tqdm.write(text, file=progress)

    return say


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
    options: NoiseOptions, micrographs: Sequence[Labelled], segmenter: SegmentsMicrographs
) -> dict[str, Any]:
    """All that the output's bytes depend on."""
    model = getattr(segmenter, "model", None)
    return {
        "version": __version__,
        **fingerprints(micrographs),
        "model": getattr(model, "sha256", type(segmenter).__name__),
        "particle_diameter": options.particle_diameter,
        "settings": asdict(options.settings()),
        "require_picks": options.require_picks,
        "synthetic": options.synthetic,
    }


def _cut_all(
    cutter: MicrographCutter,
    summary: Summary,
    workers: int,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
) -> None:
    """Cut all micrographs under a progress bar, several at a time."""
    total = len(cutter.micrographs)
    with (
        progress_bar(total, "mic", "cutting", progress) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        left = iter(range(total))
        waiting: dict[Future[dict[str, Any]], int] = {}
        try:
            while True:
                for number in itertools.islice(left, 2 * workers - len(waiting)):
                    waiting[pool.submit(cutter.cut, number)] = number
                if not waiting:
                    return
                done, _ = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
                for future in done:
                    _note(summary, waiting.pop(future), future)
                    bar.update()
                heartbeat()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _note(summary: Summary, number: int, future: Future[dict[str, Any]]) -> None:
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
