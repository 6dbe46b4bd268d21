"""Simulated particles on disk: noisy and clean stacks and STAR files that RELION opens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import starfile
import torch

from ..errors import IceblockError
from ..images.disk import write_file
from ..images.mrc.writer import StackWriter
from ..images.project_root import name_from_here
from ..images.star.image_names import image_name
from .pairs import PairGenerator, Pairs

CHUNK = 64
NOISY, CLEAN = "particles", "clean"
OUTPUTS = ("particles.star", "Particles", "clean.star", "Clean")
CTF_COLUMNS = ["rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnPhaseShift"]


def write_dataset(
    folder: Path,
    generator: PairGenerator,
    n: int,
    box: int,
    seed: int,
    watch: Callable[[int], None] = lambda done: None,
) -> None:
    """Write particles.star and clean.star with their stacks.

    Parameters
    ----------
    folder
        Gets particles.star, Particles/simulated.mrcs, clean.star, Clean/simulated.mrcs. Rows of
        the two STAR files correspond. RELION reads them from the current folder.
    generator
        Source of pairs, whose volumes all have one pixel size.
    n, box
        Number of particles; box in pixels.
    seed
        The same seed gives the same files, if torch has one thread (`threads.one_thread_each`).
    watch
        Called with the number of particles done since the last call.
    """
    with_ctf = generator.settings.ctf_fraction
    if with_ctf not in (0, 1):
        raise IceblockError("Simulated data sets have a CTF on all of their images or on none.")
    pixel_size = generator.volumes[0].pixel_size
    rng = np.random.default_rng(seed)
    noise = torch.Generator(generator.volumes[0].device).manual_seed(seed)
    stacks = {
        NOISY: folder / "Particles" / "simulated.mrcs",
        CLEAN: folder / "Clean" / "simulated.mrcs",
    }
    tables = []
    pairs = generator.draw(min(CHUNK, n), box, rng, noise)  # refuses before a file is made
    with (
        StackWriter(stacks[NOISY], n, box, pixel_size, resume=False) as noisy,
        StackWriter(stacks[CLEAN], n, box, pixel_size, resume=False) as clean,
    ):
        for start in range(0, n, CHUNK):
            if start:
                pairs = generator.draw(min(CHUNK, n - start), box, rng, noise)
            noisy.append(pairs.noisy.cpu().numpy())
            clean.append(pairs.clean.cpu().numpy())
            tables.append(_table(pairs))
            watch(len(pairs.snr))
    table = pd.concat(tables, ignore_index=True)
    if not with_ctf:
        table = table.drop(columns=CTF_COLUMNS)
    for name, path in stacks.items():
        place = name_from_here(path)
        names = [image_name(i, place) for i in range(n)]
        _write_star(folder / f"{name}.star", table.assign(rlnImageName=names), pixel_size, box)


def _table(pairs: Pairs) -> pd.DataFrame:
    """One row a particle; the origin is the translation that would centre it, in Å."""
    return pd.DataFrame(
        {
            "rlnAngleRot": pairs.angles[:, 0],
            "rlnAngleTilt": pairs.angles[:, 1],
            "rlnAnglePsi": pairs.angles[:, 2],
            "rlnOriginXAngst": -pairs.shifts[:, 1] * pairs.pixel_size,
            "rlnOriginYAngst": -pairs.shifts[:, 0] * pairs.pixel_size,
            "rlnDefocusU": pairs.ctf.defocus_u,
            "rlnDefocusV": pairs.ctf.defocus_v,
            "rlnDefocusAngle": pairs.ctf.defocus_angle,
            "rlnPhaseShift": pairs.ctf.phase_shift,
            "rlnClassNumber": pairs.volume + 1,
            "rlnIceblockSnr": pairs.snr.cpu().numpy(),
            "voltage": pairs.ctf.voltage,
            "cs": pairs.ctf.spherical_aberration,
            "contrast": pairs.ctf.amplitude_contrast,
        }
    )


def _write_star(path: Path, table: pd.DataFrame, pixel_size: float, box: int) -> None:
    """Write RELION 3.1 tables: an optics group for each setting of the microscope."""
    settings = ["voltage", "cs", "contrast"]
    groups = table.groupby(settings, sort=True).ngroup() + 1
    optics = []
    for group, rows in table.groupby(groups):
        first: Any = rows.iloc[0]
        optics.append(
            {
                "rlnOpticsGroupName": f"opticsGroup{group}",
                "rlnOpticsGroup": group,
                "rlnVoltage": first["voltage"],
                "rlnSphericalAberration": first["cs"],
                "rlnAmplitudeContrast": first["contrast"],
                "rlnImagePixelSize": pixel_size,
                "rlnImageSize": box,
                "rlnImageDimensionality": 2,
            }
        )
    particles = table.drop(columns=settings).assign(rlnOpticsGroup=groups)
    text = starfile.to_string({"optics": pd.DataFrame(optics), "particles": particles})
    tables = text.partition("\n")[2]  # the first line holds the time of day
    write_file(path, tables)
