"""The raw images of denoised particles, row by row."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import IceblockError
from ...images.particles import ParticleSet, read_particles
from ...images.star.tokens import unquote
from ..denoise.record import DenoiseRecord
from .options import EvaluateOptions


def read_set(options: EvaluateOptions, path: Path) -> ParticleSet:
    """Read a set of particles where the options say that its files lie."""
    if path.suffix.lower() != ".cs":
        return read_particles(path, options.pixel_size)
    return read_particles(path, options.pixel_size, options.project_dir, datadir=options.datadir)


def _moved(raw: ParticleSet, options: EvaluateOptions) -> ParticleSet:
    """Give the raw particles with their images in the folder that was named, if one was."""
    return raw if options.datadir is None else raw.moved_to(options.datadir)


def find_raw(options: EvaluateOptions, denoised: ParticleSet, record: DenoiseRecord) -> ParticleSet:
    """Give the raw particles, row by row those of the denoised set."""
    given = options.raw
    if not denoised.names_raw_images:
        return denoised.restored_from(read_set(options, given or _input_of(options, record)))
    if given is None:
        return _moved(denoised.restored(), options)
    raw = _moved(read_set(options, given), options)
    return _selected(raw, denoised, options)


def _input_of(options: EvaluateOptions, record: DenoiseRecord) -> Path:
    source = Path(record.identity["particles"]) if record.identity else None
    if source is None or not source.is_file():
        raise IceblockError(
            f"{options.denoised} does not name raw images, as no .cs file does; name the particle "
            "set that was denoised with --raw"
        )
    return source


def _selected(raw: ParticleSet, denoised: ParticleSet, options: EvaluateOptions) -> ParticleSet:
    """Give the raw particles in the order of the denoised ones.

    The denoised ones name them, in any order and with any of them left out. Where they do not, or
    name other files (a copy of the stacks, say), the rows have to correspond.
    """
    try:
        wanted = _moved(denoised.restored(), options)
        known, named = _keys(raw), _keys(wanted)
    except IceblockError:
        if raw.n == denoised.n:
            return raw
        raise
    have = set(known)
    missing = [row for row, key in enumerate(named) if key not in have]
    if not missing:
        return wanted
    if raw.n == denoised.n:
        return raw
    raise IceblockError(
        f"{options.denoised}: row {missing[0] + 1} was made from "
        f"{unquote(wanted.names[missing[0]])}, which {options.raw} does not have; name the set "
        "that was denoised with --raw"
    )


def _keys(particles: ParticleSet) -> list[tuple[str, int]]:
    """Give the (N,) images as files, whatever they are called, and numbers."""
    files = [os.path.realpath(particles.path_of(stack)) for stack in particles.stacks]
    rows = zip(particles.stack_ids.tolist(), particles.indices.tolist(), strict=True)
    return [(files[stack], index) for stack, index in rows]
