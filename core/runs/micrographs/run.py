"""A run that denoises micrographs: images, pictures and the tables that name them, in one folder.

What is known of each micrograph is noted when its files are whole. So a stopped run goes on with
the first micrograph that is not, and several processes share the work by files alone.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence

import numpy as np

from ...console import Console
from ...errors import IceblockError
from ...remarks import warn
from ...wording import counted
from ..life import Run, begun, way_in
from ..record import FINISHED, Device
from .inputs import Work, diameter_of, identify, prepare, segmenter_on
from .one import FACTS, Facts, MicrographDenoiser
from .options import MICROGRAPHS, MicrographsOptions
from .record import MicrographsRecord
from .report import last_lines, report
from .sharing import count_of, denoise_all, device_of
from .table import write_tables

MUCH = 0.5
"""Part of all micrographs marked as pollution from which on the user is warned."""


@way_in
def run(options: MicrographsOptions, console: Console) -> MicrographsRecord:
    """Denoise micrographs; an earlier, stopped run of the same kind is continued.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the model, the device or the output folder, and where no
        micrograph can be read. One that cannot be read is left out with a warning otherwise.
    """
    with begun(options, console, count_of(options)) as this:
        work = prepare(options)

        def whole() -> bool:
            return options.output.exists() and (options.out / MICROGRAPHS).is_dir()

        recorded = this.recorded(
            MicrographsRecord, identify(options, work), options.outputs, whole=whole
        )
        with recorded as record:
            if record.state != FINISHED:
                _denoise(options, work, record, this, console)
                shutil.rmtree(options.out / FACTS, ignore_errors=True)
    console.say(last_lines(options, record))
    return record


def _denoise(
    options: MicrographsOptions, work: Work, record: MicrographsRecord, this: Run, console: Console
) -> None:
    diameter = record.particle_diameter
    if not diameter:
        diameter = diameter_of(options, work, segmenter_on(str(device_of(options, 0))))
    if options.particle_diameter is None:
        console.say(f"Particle diameter: about {diameter:g} Å, found in the first micrographs.")
    began = time.perf_counter()
    with console.bar(len(work.micrographs), "mic", "denoising") as bar:
        denoise_all(options, work, diameter, bar)
    seconds = time.perf_counter() - began
    facts = _gathered(options, work)
    done = [one for one in facts if one.output]
    _tell(facts, done)
    write_tables(options, work, done)
    record.micrographs, record.unreadable = len(done), len(facts) - len(done)
    record.particle_diameter = diameter
    record.working_pixel_size = round(done[0].working_pixel_size, 4)
    record.pollution = round(float(np.mean([one.pollution for one in done])), 4)
    record.floor = round(float(np.median([one.floor for one in done])), 4)
    record.strength = round(float(np.median([one.strength for one in done])), 3)
    record.low_pass = round(float(np.median([one.low_pass for one in done])), 3)
    record.seconds_each = round(seconds / len(facts), 2)
    record.device = Device.of(device_of(options, 0), count_of(options))
    record.remarks = [f"{one.name}: {text}" for one in done for text in one.remarks]
    if record.pollution > MUCH:
        warn(
            f"{100 * record.pollution:.0f} % of the micrographs count as pollution and are flat: "
            "look at the pictures, and give --particle-diameter if particles are marked"
        )
    this.note(record)
    report(options, record, done)


def _gathered(options: MicrographsOptions, work: Work) -> list[Facts]:
    """Read what was noted of every micrograph."""
    facts = []
    for one in work.micrographs:
        known = MicrographDenoiser.known_in(options.out, one)
        if known is None:
            raise IceblockError(
                f"{options.out} was changed while the run went on; give the same command again"
            )
        facts.append(known)
    return facts


def _tell(facts: Sequence[Facts], done: Sequence[Facts]) -> None:
    """Warn of micrographs that are left out."""
    failed = [one for one in facts if not one.output]
    if not done:
        raise IceblockError(failed[0].remarks[0])
    if failed:
        warn(
            f"{counted(len(failed), 'micrograph')} of {len(facts)} cannot be read and were left "
            f"out; the first: {failed[0].remarks[0]}"
        )
