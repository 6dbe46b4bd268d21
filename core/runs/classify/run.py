"""A classification: class averages, and the class and pose of every particle, in one folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...compute.threads import thread_pool
from ...console import Console
from ...errors import IceblockError
from ...remarks import warn
from ...sets.classes.engine import Engine, Settings
from ...sets.classes.halves import (
    ITERATIONS,
    Evidence,
    evidence_of,
    judged_by_the_other,
    learn_halves,
)
from ...sets.classes.learn import Learned, learn
from ...wording import counted
from ..denoise.inputs import contrasts
from ..life import begun, way_in
from ..outliers import tell_outliers
from .images import Field, StackImages
from .inputs import Work, identify, prepare
from .options import CLASSES, MONTAGE, ClassifyOptions
from .outputs import note, write
from .record import ClassifyRecord
from .report import last_lines, report
from .result import Classified, in_order

OUTLYING = 8.0
"""Median absolute deviations of an image's energy beyond which nothing is learned from it."""
WHOLE, LEAST_BATCH, PER_CLASS = 20_000, 5_000, 200
"""Images up to which all are looked at in every iteration; of a random batch, and in a class."""
OFFSET_RANGE = 0.08
"""Largest offset that is looked for, as a part of the particle's diameter."""


@dataclass(frozen=True)
class Classification:
    """What a finished classification can tell: its record, and what it found."""

    record: ClassifyRecord
    found: Classified
    field: Field


@way_in
def run(options: ClassifyOptions, console: Console) -> Classification:
    """Classify a set of particles in 2D; the images themselves are not changed.

    Raises
    ------
    IceblockError
        For anything wrong with the particles or the output folder.
    """
    with begun(options, console) as this:
        work = prepare(options)
        identity = identify(options, work)
        outputs = (options.output.name, CLASSES, MONTAGE, options.report, *options.relion_files())
        with this.recorded(ClassifyRecord, identity, outputs, again=True) as record:
            found, learned, evidence = _classify(options, work, console)
            note(record, work, found, learned)
            record.held_out = None if evidence is None else asdict(evidence)
            write(options, work, found, learned)
            this.note(record)
            report(options, work.field, found, learned, record)
    console.say(last_lines(options, record))
    return Classification(record, found, work.field)


def _classify(
    options: ClassifyOptions, work: Work, console: Console
) -> tuple[Classified, Learned, Evidence | None]:
    groups = work.particles.optics_groups
    signs = contrasts(options, work.plan)
    source = StackImages(work.plan, work.field, signs, work.ctf, groups)
    count = len(source.rows)
    settings = Settings(
        classes=work.classes,
        offset_range=max(2.0, OFFSET_RANGE * work.field.diameter / work.field.pixel_size),
        iterations=options.iterations,
        seed=options.seed,
        batch=WHOLE if count <= WHOLE else min(WHOLE, max(LEAST_BATCH, PER_CLASS * work.classes)),
    )
    both = min(count, 2 * (settings.batch // 2))
    looked_at = 3 * count + options.iterations * min(count, settings.batch)
    looked_at += min(options.iterations, ITERATIONS) * both
    with console.bar(looked_at, "img", "classifying") as bar, thread_pool() as pool:
        energies = source.load(pool, bar.advance)
        tell_outliers(source.with_outliers)
        usable = _usual(energies, source.groups.numpy())
        if usable.sum() < work.classes:
            raise _too_few(options, int(usable.sum()), count)
        rows = torch.from_numpy(np.flatnonzero(usable))
        engine = Engine(source, work.field.grid(), settings, pool, bar.advance)
        learned, halves = learn(engine, rows), learn_halves(engine, rows)
        judged = evidence = None
        if halves is not None:
            judged = judged_by_the_other(engine, halves)
            evidence = evidence_of(judged.log_likelihood[rows])
        found = in_order(learned, halves, judged, ~np.isnan(energies), work.field)
    if evidence is not None and not evidence.something:
        warn(
            "Nothing but noise is to be seen: class averages of one half of the images say no more "
            "of the others than noise alone; the averages were made blank"
        )
        found = found.blank()
    return found, learned, evidence


def _usual(
    energies: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Leave out images that cannot be used, or whose energy is far above that of their group."""
    known = energies[~np.isnan(energies)]
    usual = np.zeros(len(energies), dtype=bool)
    for group in np.unique(groups):
        own = np.where(groups == group, energies, np.nan)
        if np.isnan(own).all():
            continue
        middle = np.nanmedian(own)
        spread = 1.4826 * np.nanmedian(np.abs(own - middle))
        usual |= own <= middle + OUTLYING * max(spread, 1e-9 * middle)
    far = int(len(known) - usual.sum())
    if far:
        warn(
            f"{far} of {len(energies)} images have far more contrast than the others (ice, carbon "
            "or an edge, most often): they got a class, and no average was made of them"
        )
    if len(known) < len(energies):
        warn(
            f"{len(energies) - len(known)} of {len(energies)} images hold NaN or have a constant "
            "background: they were put into the class of empty images"
        )
    return np.asarray(usual)


def _too_few(options: ClassifyOptions, usable: int, count: int) -> IceblockError:
    can = f"only {usable} of {counted(count, 'image')} can be classified, and the others"
    if not usable:
        can = f"none of {counted(count, 'image')} can be classified: they"
    return IceblockError(
        f"{options.particles}: {can} hold NaN, have a constant background or far too much "
        "contrast; extract the particles again" + (", or give fewer --classes" if usable else "")
    )
