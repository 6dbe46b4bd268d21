"""The tables of denoised micrographs: rows as they were, with the raw micrograph in a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import numpy as np

from ...images.cs.exposures import with_denoised
from ...images.cs.table import write_table
from ...images.denoised_mark import NOTE_OF_MICROGRAPHS
from ...images.micrographs.table import NAME, find_micrographs
from ...images.project_root import name_from_here, name_from_root
from ...images.star.document import StarFile
from ...images.star.micrograph_links import RAW, SCALE, scaled_optics
from ...images.star.tokens import quote, unquote
from ...images.star.writer import NewColumns, loop, write_blocks
from .inputs import Work
from .one import Facts
from .options import MICROGRAPHS, WORKING, MicrographsOptions


def write_tables(options: MicrographsOptions, work: Work, facts: Sequence[Facts]) -> None:
    """Write micrographs.star, and micrographs.cs where exposures were given.

    Parameters
    ----------
    options, work
        Of the run.
    facts
        Of all micrographs that were denoised.
    """
    known = {one.name: one for one in facts}
    if work.source is None or work.records is not None:
        _write_new(options, facts)
    else:
        _write_edited(options, StarFile.read(work.source), known)
    if work.records is not None:
        paths = [one.micrograph.name for one in work.micrographs]
        rows = np.array([path in known for path in paths])
        folder = options.project_dir
        made = [known[path] for path in paths if path in known]
        names = [
            (name_from_root(file, folder) if folder else name_from_here(file))
            for file in (_file(options, one) for one in made)
        ]
        shapes = np.array([one.shape for one in made])
        sizes = np.array([one.pixel_size for one in made])
        table = with_denoised(work.records[rows], names, shapes, sizes)
        write_table(table, options.output.with_suffix(".cs"))


def _file(options: MicrographsOptions, one: Facts) -> Path:
    return options.out / MICROGRAPHS / f"{one.output}.mrc"


def _write_edited(options: MicrographsOptions, star: StarFile, known: Mapping[str, Facts]) -> None:
    """Write the user's table again: other names, the same rows and all other columns."""
    table = find_micrographs(star)
    tokens = table.column(NAME)
    names = [unquote(token) for token in tokens]
    rows = np.array([name in known for name in names])
    new, scales = [], []
    for name, token in zip(names, tokens, strict=True):
        one = known.get(name)
        new.append(quote(name_from_here(_file(options, one))) if one else token)
        scales.append(f"{one.scale:.9g}" if one else "1")
    columns = {NAME: new, RAW: tokens, SCALE: scales}
    star.write(options.output, NOTE_OF_MICROGRAPHS, table, columns, rows)
    if options.size == WORKING:
        scaled_optics(options.output, NOTE_OF_MICROGRAPHS)


def _write_new(options: MicrographsOptions, facts: Sequence[Facts]) -> None:
    """Write a table of micrographs that had none: one optics group for each pixel size."""
    sizes = sorted({one.pixel_size for one in facts})
    groups = {size: number for number, size in enumerate(sizes, 1)}
    optics: NewColumns = {
        "rlnOpticsGroupName": [f"opticsGroup{number}" for number in groups.values()],
        "rlnOpticsGroup": list(groups.values()),
        "rlnMicrographPixelSize": [f"{size:.7g}" for size in sizes],
        "rlnMicrographOriginalPixelSize": [f"{size:.7g}" for size in sizes],
        "rlnVoltage": [300.0] * len(sizes),
        "rlnSphericalAberration": [2.7] * len(sizes),
        "rlnAmplitudeContrast": [0.1] * len(sizes),
    }
    rows: NewColumns = {
        NAME[1:]: [name_from_here(_file(options, one)) for one in facts],
        "rlnOpticsGroup": [groups[one.pixel_size] for one in facts],
        RAW[1:]: [PurePath(one.name).as_posix() for one in facts],
        SCALE[1:]: [f"{one.scale:.9g}" for one in facts],
    }
    blocks = (loop("optics", optics), loop("micrographs", rows))
    write_blocks(options.output, f"{NOTE_OF_MICROGRAPHS}\n", *blocks)
