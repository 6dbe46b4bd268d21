"""A run that simulates particles: noisy and clean, with all that is true of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from ...compute.threads import one_thread_each
from ...console import Console
from ...errors import IceblockError
from ...simulate.dataset import CLEAN, NOISY, OUTPUTS, write_dataset
from ...simulate.pairs import PairSettings
from ...simulate.sources import pair_generator
from ...wording import counted
from ..record import FINISHED, RunRecord, write_record
from .options import SimulateOptions


@dataclass
class SimulateRecord(RunRecord):
    """How particles were simulated."""

    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


def run(options: SimulateOptions, *, progress: TextIO | None = None) -> None:
    """Write simulated particles.

    Parameters
    ----------
    options
        See `SimulateOptions`.
    progress
        Where the progress bar and remarks go; None for silence.

    Raises
    ------
    IceblockError
        For a value outside its range, anything wrong with the inputs, or a folder that is in use.
    """
    options.check()
    out = options.out
    present = [name for name in OUTPUTS if (out / name).exists()]
    if present:
        raise IceblockError(f"{out} already holds {present[0]}; choose another output folder.")
    settings = PairSettings(
        snr_range=options.snr,
        defocus_range=options.defocus,
        ctf_fraction=1.0 if options.ctf else 0.0,
        neighbour_rate=options.neighbours,
        group=1,
    )
    count = options.phantoms or (0 if options.volumes else 4)
    seeds = [1_000_000 + options.seed * 1000 + k for k in range(count)]
    console = Console(progress)
    with one_thread_each(), console.collected() as warnings:  # the same bytes on any machine
        generator = pair_generator(
            options.volumes, seeds, options.noise, options.pixel_size, settings, console.note
        )
        with console.bar(options.number, "img", "simulating") as bar:
            write_dataset(out, generator, options.number, options.box, options.seed, bar.advance)
    record = SimulateRecord(
        state=FINISHED, command=options.command, warnings=list(warnings),
        seed=options.seed, settings=asdict(settings),
    )  # fmt: skip
    write_record(out, record)
    console.say(
        f"{counted(options.number, 'simulated particle')} of {options.box} px, "
        f"{options.pixel_size:.4g} Å:\n"
        f"  {out / f'{NOISY}.star'}  noisy\n"
        f"  {out / f'{CLEAN}.star'}      the truth, row by row"
    )
