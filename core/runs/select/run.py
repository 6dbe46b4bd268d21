"""A selection: every particle gets a score, and those worth keeping go to a file of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...console import Console
from ...errors import IceblockError
from ...images.particle_set import ParticleSet
from ...images.scores import Scores
from ...images.star.writer import loop, write_blocks
from ...remarks import warn
from ...wording import counted
from ..classify.images import StackImages
from ..denoise.inputs import contrasts
from ..life import begun, way_in
from ..outliers import tell_outliers
from ..record import Device
from .choice import Choice, choose
from .gallery import write_gallery
from .inputs import Work, identify, prepare
from .options import COUNTS, SelectOptions
from .record import SelectRecord
from .report import report
from .scoring import Scored, score_images


@dataclass(frozen=True)
class Selection:
    """What a finished selection can tell."""

    record: SelectRecord
    kept: npt.NDArray[np.bool_]
    """(N,) of all particles."""
    scores: Scores


@way_in
def run(options: SelectOptions, console: Console) -> Selection:
    """Choose particles; their images are not changed, and denoised ones give way to the raw ones.

    Raises
    ------
    IceblockError
        For anything wrong with the particles or the output folder, and where nothing is kept.
    """
    with begun(options, console) as this:
        work = prepare(options)
        identity = identify(options, work)
        with this.recorded(SelectRecord, identity, options.outputs, again=True) as record:
            signs = contrasts(options, work.plan)
            groups = work.particles.optics_groups
            source = StackImages(work.plan, work.field, signs, work.ctf, groups)
            scored = score_images(source, work.plan, work.field, signs, console, options.seed)
            tell_outliers(source.with_outliers)
            place = work.place_of_row
            scores = Scores(
                scored.score[place],
                scored.evidence[place],
                None if scored.classes is None else scored.classes[place],
            )
            unfit = (scored.contaminated | ~scored.usable)[place]
            choice = choose(options, work.particles, scores.score, unfit, scored.border)
            _tell(scored)
            if not choice.kept.any():
                raise IceblockError(
                    f"no particle of {options.particles} is kept ({choice.words}); choose in "
                    "another way"
                )
            _note(record, work, scored, choice)
            made = work.particles.with_scores(scores)
            _write(options, made, choice)
            this.note(record)
            report(options, work, scored, choice, record, signs)
            if options.html:
                write_gallery(options, work, scored, choice, signs, console.heartbeat)
    console.say(last_lines(options, record))
    return Selection(record, choice.kept, scores)


def last_lines(options: SelectOptions, record: SelectRecord) -> str:
    """Say what was kept."""
    lines = [
        f"{record.kept} of {counted(record.particles, 'particle')} kept ({record.chosen_by}): "
        f"{record.total_seconds} s"
    ]
    if record.contaminated:
        lines.append(f"  {counted(record.contaminated, 'box', 'boxes')} with contamination")
    if record.populations == 2:
        lines.append(f"  {counted(record.empty, 'box', 'boxes')} look empty")
    if record.restored:
        lines.append(f"  raw images were put back for {counted(record.restored, 'particle')}")
    names = [options.output.name, options.rejected.name, options.report]
    lines += [f"  {options.out / name}" for name in names if (options.out / name).exists()]
    return "\n".join(lines)


def _note(record: SelectRecord, work: Work, scored: Scored, choice: Choice) -> None:
    place = work.place_of_row
    record.particles, record.kept = work.particles.n, int(choice.kept.sum())
    record.rejected = record.particles - record.kept
    record.chosen_by, record.border = choice.words, choice.border
    record.contaminated = int(scored.contaminated[place].sum())
    record.unusable = int((~scored.usable[place]).sum())
    record.restored, record.diameter = work.restored, round(work.field.diameter, 1)
    record.device = Device.of(torch.device("cpu"))
    if scored.border is not None:
        record.populations = 2
        record.empty = int(scored.empty[place].sum())
    names = work.particles.micrographs
    if names is not None:
        known, of_row = np.unique(names, return_inverse=True)
        kept = np.bincount(of_row, weights=choice.kept, minlength=len(known)).astype(int)
        every = np.bincount(of_row, minlength=len(known))
        record.micrographs = {
            str(name): [int(k), int(n - k)] for name, k, n in zip(known, kept, every, strict=True)
        }


def _tell(scored: Scored) -> None:
    unusable = int((~scored.usable).sum())
    if unusable:
        warn(
            f"{unusable} of {counted(len(scored.usable), 'image')} hold NaN or have a constant "
            "background: their score is 0, and they are kept only where you ask for them"
        )
    if scored.classes is None and scored.usable.any():
        warn(
            "There are too few images to learn class averages from: the scores tell contamination "
            "from other images, and not particles from empty ice"
        )


def _write(options: SelectOptions, made: ParticleSet, choice: Choice) -> None:
    made.write(options.output, choice.kept)
    if choice.kept.all():
        options.rejected.unlink(missing_ok=True)
    else:
        made.write(options.rejected, ~choice.kept)
    names = made.micrographs
    if names is None:
        return
    known, of_row = np.unique(names, return_inverse=True)
    kept = np.bincount(of_row, weights=choice.kept, minlength=len(known)).astype(int)
    rest = np.bincount(of_row, minlength=len(known)) - kept
    columns = {
        "rlnMicrographName": known.tolist(),
        "rlnIceblockKept": kept.tolist(),
        "rlnIceblockRejected": rest.tolist(),
    }
    write_blocks(options.out / COUNTS, loop("counts", columns))
