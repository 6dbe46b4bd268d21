"""What a classification writes: averages, particles, and the files by which RELION opens them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from ...compute.threads import one_thread_each
from ...images.class_poses import ClassPoses
from ...images.mrc.writer import StackWriter
from ...images.output_plan import OutputPlan
from ...sets.classes.learn import Learned
from ..record import Device
from .inputs import Work
from .options import CLASSES, ClassifyOptions
from .record import ClassifyRecord
from .relion_files import ClassTable, Facts, write_model, write_optimiser
from .result import Classified, enlarged


def write(options: ClassifyOptions, work: Work, found: Classified, learned: Learned) -> None:
    """Write the averages, then the particles, then what RELION opens them by."""
    first = work.plan.jobs[0]
    box, pixel_size = first.stack.box_x, first.pixel_size
    with one_thread_each():
        averages = enlarged(found.averages, work.field, box, pixel_size)
    if found.counts[-1]:
        averages = np.concatenate([averages, np.zeros_like(averages[:1])])
    stack = options.out / CLASSES
    with StackWriter(stack, len(averages), box, pixel_size, resume=False) as writer:
        writer.append(averages)
    made = work.particles.with_classes(_of_rows(work.plan, found))
    made.write(options.output)
    if options.output.suffix != ".star":
        return
    data, model, optimiser = (options.out / name for name in options.relion_files())
    made.write(data)
    facts = Facts(
        box=box, pixel_size=pixel_size, iterations=options.iterations, seed=options.seed,
        diameter=work.field.diameter,
        offset_sd=learned.mixture.offset_sd * work.field.pixel_size,
        log_likelihood=float(learned.poses.log_likelihood.double().sum()),
        mean_highest=float(learned.poses.highest.double().mean()),
    )  # fmt: skip
    share = found.counts[: len(averages)] / found.counts.sum()
    resolution = np.append(found.resolution, np.inf)[: len(averages)]
    write_model(model, stack, ClassTable(share, resolution), facts)
    write_optimiser(optimiser, data, model, facts)


def note(record: ClassifyRecord, work: Work, found: Classified, learned: Learned) -> None:
    """Take what was found into the record."""
    record.particles, record.classes = work.particles.n, len(found.averages)
    record.empty, record.counts = int(found.counts[-1]), found.counts[:-1].tolist()
    record.resolution = [float(f"{value:.1f}") for value in found.resolution]
    record.nothing_seen = (np.flatnonzero(~found.shows) + 1).tolist()
    record.mask_diameter = round(work.field.diameter, 1)
    record.box_seen, record.pixel_size_seen = work.field.box, round(work.field.pixel_size, 3)
    record.ctf = work.ctf is not None
    record.log_likelihoods = [round(value, 3) for value in learned.log_likelihoods]
    record.device = Device.of(torch.device("cpu"))


def _of_rows(plan: OutputPlan, found: Classified) -> ClassPoses:
    """Give the poses of all particles; those that share an image share its pose."""
    first = np.cumsum([0, *(len(job.indices) for job in plan.jobs)])
    places = first[plan.job_of_row] + plan.position_of_row
    return ClassPoses(*(getattr(found.poses, item.name)[places] for item in fields(ClassPoses)))
