"""What an evaluation looks at: denoised particles, their raw images, and the run that made them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import torch

from ...denoise.contrast import radial_profiles
from ...errors import IceblockError
from ...figures.gallery import normalise
from ...images.mrc.reader import Stack, read_images
from ...images.output_plan import StackJob, plan_output
from ...images.particles import ParticleSet
from ...images.validation import validate
from ...remarks import warn
from ...signal.outliers import without_outliers
from ..contrast import Looked, check_contrast, tell_contrast
from ..denoise.record import DenoiseRecord
from ..outliers import tell_outliers
from ..provenance import denoising_record, require_raw
from .options import EvaluateOptions
from .raw_images import find_raw, read_set

Images = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

SAMPLE_BYTES = 64 << 20
"""Large boxes come in smaller samples."""


@dataclass(frozen=True)
class Evaluated:
    """Particles to be judged, in units of the raw background's sd, white particles."""

    particles: ParticleSet
    """All denoised ones."""
    rows: Rows
    """(n,) those of the sample."""
    raw: Images
    """(n, box, box)."""
    denoised: Images
    clean: Images | None
    pixel_size: float
    """Å."""
    record: DenoiseRecord
    """Of the denoising run; empty where it is not beside the particles."""
    remarks: tuple[str, ...]
    raw_jobs: tuple[StackJob, ...]
    """The raw images of all particles, with their contrasts."""

    @property
    def box(self) -> int:
        """Pixels."""
        return int(self.raw.shape[-1])

    @property
    def contrast(self) -> int:
        """-1 where most particles are black on disk, else 1."""
        return 1 if sum(job.contrast * len(job.rows) for job in self.raw_jobs) >= 0 else -1


def read_inputs(options: EvaluateOptions) -> Evaluated:
    """Read a sample of particles before and after.

    Raises
    ------
    IceblockError
        Where the raw images cannot be found, or the sets do not belong together.
    """
    denoised = read_set(options, options.denoised)
    record = denoising_record(options.denoised.parent) or DenoiseRecord()
    raw = find_raw(options, denoised, record)
    require_raw(denoised, raw, "name the set that was denoised with --raw")
    headers, raw_headers = validate(denoised), validate(raw)
    rows, remarks = _choose_rows(denoised, headers, options.sample)
    before = read_rows(raw, raw_headers, rows)
    after = read_rows(denoised, headers, rows)
    if before.shape != after.shape:
        raise IceblockError(
            f"{options.denoised} has images of {after.shape[-1]} pixels and its raw ones in "
            f"{raw.source} have {before.shape[-1]}; name the set that was denoised with --raw"
        )
    sign = _contrast(options, denoised, before, rows, record)
    usable = np.isfinite(before).all(axis=(1, 2)) & (before.std(axis=(1, 2)) > 0)
    usable &= np.isfinite(after).all(axis=(1, 2))
    if not usable.any():
        raise IceblockError(
            f"{options.denoised}: none of the {len(rows)} images that were looked at is usable "
            "(NaN or constant, raw or denoised); denoise the particles again"
        )
    clean = _clean(options, denoised, rows[usable])
    signs = sign[usable, None, None].astype(np.float32)
    taken = dict(zip(raw.stack_ids[rows].tolist(), sign.tolist(), strict=True))
    seen, outlying = without_outliers(torch.from_numpy(normalise(before[usable])))
    # The denoising run has counted all images, and its sentence is told once.
    tell_outliers(record.with_outliers or int((outlying > 0).sum()))
    return Evaluated(
        denoised, rows[usable], signs * seen.numpy(), signs * after[usable], clean,
        float(denoised.pixel_sizes[rows[0]]), record, tuple(remarks),
        _raw_jobs(raw, raw_headers, taken),
    )  # fmt: skip


def _raw_jobs(
    raw: ParticleSet, headers: list[Stack], taken: dict[int, int]
) -> tuple[StackJob, ...]:
    """Give the raw stacks; those that were not looked at have the contrast of most others."""
    signs = {raw.stacks[stack]: sign for stack, sign in taken.items()}
    common = 1 if sum(signs.values()) >= 0 else -1
    jobs = plan_output(raw, headers).jobs
    return tuple(replace(job, contrast=signs.get(job.name, common)) for job in jobs)


def read_rows(particles: ParticleSet, headers: list[Stack], rows: Rows) -> Images:
    """Read the images (k, box, box) of some rows, which all have one box."""
    stacks = particles.stack_ids[rows]
    box = headers[int(stacks[0])].box_x
    images = np.empty((len(rows), box, box), dtype=np.float32)
    for stack in np.unique(stacks):
        here = np.flatnonzero(stacks == stack)
        images[here] = read_images(headers[int(stack)], particles.indices[rows[here]])
    return images


def _choose_rows(
    particles: ParticleSet, headers: list[Stack], count: int
) -> tuple[Rows, list[str]]:
    """Choose rows spread evenly over the particles of the commonest box and pixel size."""
    boxes = np.array([header.box_x for header in headers])[particles.stack_ids]
    kinds = np.stack([boxes, particles.pixel_sizes], axis=1)
    different, places, counts = np.unique(kinds, axis=0, return_inverse=True, return_counts=True)
    common = int(counts.argmax())
    rows = np.flatnonzero(places.ravel() == common)
    box, size = int(different[common][0]), float(different[common][1])
    count = min(count, len(rows), max(8, SAMPLE_BYTES // (8 * box * box)))
    remarks = []
    if len(different) > 1:
        remarks.append(
            f"{len(rows)} of {particles.n} particles have {box} px of {size:.4g} Å: only those "
            "were looked at."
        )
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).round().astype(np.int64))], remarks


def _contrast(
    options: EvaluateOptions,
    denoised: ParticleSet,
    raw: Images,
    rows: Rows,
    record: DenoiseRecord,
) -> npt.NDArray[np.int64]:
    """Give 1 for white and -1 for black particles, (k,); warn where the images speak against it."""
    given = {"white": 1, "black": -1}.get(options.contrast, 0)
    taken = record.stack_contrasts
    signs = np.full(len(rows), given, dtype=np.int64)
    stacks = denoised.stack_ids[rows]
    for stack in np.unique(stacks) if not given else ():
        here = stacks == stack
        name = PurePosixPath(denoised.stacks[int(stack)]).name
        signs[here] = taken.get(name, 0) or denoised.contrasts[rows][here]
    source = "--contrast says" if given else "the denoising run took them for"
    if not given and not taken:
        source = "blob/sign says"
    if record.contrast_doubtful and not given:
        for sentence in record.contrast_warnings:  # the run's own doubt, in the same words
            warn(sentence)
    for sign in (1, -1) if given or not record.contrast_doubtful else ():
        said = [(stack, raw[(stacks == stack) & (signs == sign)]) for stack in np.unique(stacks)]
        looked = [
            Looked(denoised.stacks[int(stack)], radial_profiles(images))
            for stack, images in said
            if len(images)
        ]
        check_contrast(looked, [sign] * len(looked), source)
    open_stacks = [int(stack) for stack in np.unique(stacks[signs == 0])]
    if open_stacks:
        found, _ = tell_contrast(
            [
                Looked(denoised.stacks[s], radial_profiles(raw[(stacks == s) & (signs == 0)]))
                for s in open_stacks
            ]
        )
        for stack, sign in zip(open_stacks, found, strict=True):
            signs[(stacks == stack) & (signs == 0)] = sign
    return signs


def _clean(options: EvaluateOptions, denoised: ParticleSet, rows: Rows) -> Images | None:
    if options.clean is None:
        return None
    clean = read_set(options, options.clean)
    if clean.n != denoised.n:
        raise IceblockError(
            f"{options.clean} has {clean.n} rows and {options.denoised} has {denoised.n}; name "
            "true images that belong to the denoised ones row by row"
        )
    images = read_rows(clean, validate(clean), rows)
    if not np.isfinite(images).all():
        raise IceblockError(f"{options.clean} holds images with NaN; make them again")
    return images
