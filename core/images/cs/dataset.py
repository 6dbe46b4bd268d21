"""Data sets of cryosparc-tools, in memory, as sets of particles and back."""

from pathlib import Path
from typing import Any, cast

from cryosparc.dataset import Dataset

from .particles import CsParticles
from .table import checked, plain


def particles_of(
    dataset: "Dataset[Any]", source: Path, project_dir: Path | None = None
) -> CsParticles:
    """Make a set of particles from a data set.

    Parameters
    ----------
    dataset
        It is copied.
    source
        What messages call it; where there is such a file, it is never overwritten.
    project_dir
        The folder that paths start from.

    Raises
    ------
    IceblockError
        As for a file.
    """
    records = plain(cast("Any", dataset).to_records(fixed=True))
    return CsParticles.of_records(checked(records, source), source, project_dir)


def dataset_of(particles: CsParticles) -> "Dataset[Any]":
    """Give the rows as a data set of cryosparc-tools, which has to be installed."""
    from cryosparc.dataset import Dataset

    return cast("Dataset[Any]", Dataset(particles.written()))
