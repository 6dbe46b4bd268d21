"""What a run that denoises micrographs reads before the first of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import __version__
from ...denoise.fields.ice import likely_diameter
from ...denoise.model_file import Model, load_model
from ...denoise.shipped import find_model
from ...errors import IceblockError
from ...images.cs.exposures import listed_exposures
from ...images.cs.kinds import Records
from ...images.cs.table import read_table
from ...images.denoised_mark import is_denoised
from ...images.micrographs.picks import read_picks
from ...images.micrographs.reader import list_micrographs
from ...images.output_plan import output_names
from ...remarks import warn
from ...segment.model_file import load_model as load_segmentation
from ...segment.segmenter import Segmenter
from ...segment.shipped import DEFAULT as SEGMENTATION
from ..labelled import Labelled, fingerprints
from .options import MicrographsOptions

FIRST = 3
"""Micrographs in which the particle diameter is looked for."""


@dataclass(frozen=True)
class Work:
    """What is known before the first micrograph is denoised."""

    micrographs: list[Labelled]
    source: Path | None
    """The STAR file or .cs file that names them; None where images were given."""
    records: Records | None
    """Of the .cs file."""
    model: Model


def prepare(options: MicrographsOptions) -> Work:
    """Find all micrographs, and load the model.

    Raises
    ------
    IceblockError
        For anything wrong with them, and for micrographs that iceblock has denoised.
    """
    sources = options.micrographs
    tables = [path for path in sources if path.suffix.lower() in (".star", ".cs")]
    if tables and len(sources) > 1:
        raise IceblockError(
            f"{tables[0]} is given with other inputs, and one table of micrographs is written: "
            "join the tables first, or denoise each by itself"
        )
    source, records = (tables[0] if tables else None), None
    if source is not None and source.suffix.lower() == ".cs":
        records = read_table(source)
        found = listed_exposures(records, source, options.project_dir, options.pixel_size)
    else:
        found = list_micrographs(sources, options.pixel_size)
    again = [one.path for one in found if is_denoised(one.path)]
    if again:
        raise IceblockError(
            f"{again[0]} is a micrograph that iceblock denoised: name the raw micrographs"
        )
    picks = read_picks(options.picks, found) if options.picks is not None else None
    for remark in picks.remarks if picks else ():
        warn(remark)
    names = output_names([one.name for one in found], "")
    labelled = [
        Labelled(one, name, picks.of(one.name) if picks else None, None)
        for one, name in zip(found, names, strict=True)
    ]
    return Work(labelled, source, records, load_model(find_model(options.model)))


def identify(options: MicrographsOptions, work: Work) -> dict[str, Any]:
    """Give all that the output's bytes depend on."""
    known = fingerprints(work.micrographs)
    return {
        "version": __version__,
        "run": "denoise-micrographs",
        "micrographs": known["micrographs"],
        "picks": known["picks"],
        "model": work.model.sha256,
        **options.identity(),
    }


def segmenter_on(device: str) -> Segmenter:
    """Load what labels the micrographs; particles at the border are particles here."""
    return Segmenter(load_segmentation(SEGMENTATION), device, border=False)


def diameter_of(options: MicrographsOptions, work: Work, segmenter: Segmenter) -> float:
    """Give the particle diameter in Å: the user's, or one found in the first micrographs.

    Raises
    ------
    IceblockError
        If none of those can be read, or if they are too small for any particle.
    """
    if options.particle_diameter is not None:
        return options.particle_diameter
    images, errors = [], []
    for one in work.micrographs:
        try:
            images.append((one.read()[0], one.micrograph.pixel_size))
        except IceblockError as error:
            errors.append(error)
        if len(images) == FIRST:
            break
    if not images:
        raise errors[0]
    found = likely_diameter(images, segmenter)
    if found is None:
        raise IceblockError(
            f"{work.micrographs[0].micrograph.path} is too small to look for particles in it: give "
            "--particle-diameter in Å, and check the pixel size"
        )
    return found
