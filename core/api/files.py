"""Files of particles and noise banks, read, denoised and classified in one call each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..images import particles as _particles
from ..images.particles import ParticleSet
from ..noise.bank import NoiseBank
from ..runs.classify.options import ClassifyOptions
from ..runs.classify.run import run as run_classify
from ..runs.denoise.options import DenoiseOptions
from ..runs.denoise.run import run as run_denoise
from ..runs.select.options import SelectOptions
from ..runs.select.run import run as run_select
from ..runs.usable_ctf import usable_ctf
from ..signal.ctf import CtfParameters


def denoise_file(particles: Path | str, out: Path | str, **options: Any) -> Path:
    """Denoise a STAR or .cs file of particles, as `iceblock denoise` does.

    A stopped call goes on where it stopped when it is given again.

    Parameters
    ----------
    particles
        The STAR or .cs file.
    out
        Folder for the denoised stacks, the new file, the report and run.json.
    **options
        Options of `iceblock denoise`, with _ in place of -: `model`, `device`, `keep_noise`,
        `pixel_size` (Å), `confidence`, `overwrite`, …

    Returns
    -------
    path
        The new STAR or .cs file: the same rows, pointing at the denoised images.

    Raises
    ------
    IceblockError
        For anything wrong with the particles, the options or the folder.
    """
    asked = DenoiseOptions(particles=Path(particles), out=Path(out), **options)
    run_denoise(asked)
    return asked.output


def classify_file(particles: Path | str, out: Path | str, **options: Any) -> Path:
    """Sort the particles of a STAR or .cs file into 2D classes, as `iceblock classify` does.

    Parameters
    ----------
    particles
        The STAR or .cs file of raw particles.
    out
        Folder for the class averages (classes.mrcs), the new file, the report and run.json.
    **options
        Options of `iceblock classify`, with _ in place of -: `classes`, `particle_diameter` (Å),
        `iterations`, `seed`, …

    Returns
    -------
    path
        The new STAR or .cs file: the same rows, with a class, a turn and an offset each.

    Raises
    ------
    IceblockError
        For anything wrong with the particles, the options or the folder.
    """
    asked = ClassifyOptions(particles=Path(particles), out=Path(out), **options)
    run_classify(asked)
    return asked.output


def select_file(particles: Path | str, out: Path | str, **options: Any) -> Path:
    """Choose the particles of a STAR or .cs file that are worth keeping, as `iceblock select` does.

    Parameters
    ----------
    particles
        The STAR or .cs file of raw particles, or of denoised ones, whose raw images are put back.
    out
        Folder for the new files, the report and run.json.
    **options
        Options of `iceblock select`, with _ in place of -: `min_score`, `keep`, `auto`,
        `particle_diameter` (Å), `raw`, …

    Returns
    -------
    path
        The STAR or .cs file of the particles that are kept, with their scores; the others are in
        rejected.star or rejected.cs beside it.

    Raises
    ------
    IceblockError
        For anything wrong with the particles, the options or the folder, and where no particle is
        kept.
    """
    asked = SelectOptions(particles=Path(particles), out=Path(out), **options)
    run_select(asked)
    return asked.output


def read_particles(path: Path | str, pixel_size: float | None = None) -> ParticleSet:
    """Read a table of particles; the images are read by `read_images`.

    Parameters
    ----------
    path
        A STAR file of RELION 3.0 or later, or a .cs file of CryoSPARC. Image paths start from the
        project folder, which is found: the current folder, or one above the file.
    pixel_size
        Å; goes before what the file and the images say.

    Returns
    -------
    particles
        `n`, `pixel_sizes` (n,) in Å, `names` and `stacks` tell what is in the table; `write(path)`
        writes it.

    Raises
    ------
    IceblockError
        For a file that is missing, not a table of particles, or wrong in some row.
    """
    return _particles.read_particles(Path(path), pixel_size)


def read_ctf(particles: ParticleSet) -> CtfParameters | None:
    """Take the CTF parameters of particles, n of each; None where they have none to be used.

    Parameters
    ----------
    particles
        As `read_particles` gives them.
    """
    return usable_ctf(particles, "they are denoised without a CTF")


def read_noise_bank(path: Path | str) -> NoiseBank:
    """Read a noise bank, as `iceblock noise` writes it.

    Parameters
    ----------
    path
        The folder of the bank. `blocks()` of what is returned gives the blocks of pure noise as an
        array (n, box, box), and `table` a row for each.

    Raises
    ------
    IceblockError
        If there is no whole bank.
    """
    return NoiseBank.read(Path(path))
