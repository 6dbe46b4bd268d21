"""One micrograph of a run: read, denoise, write, draw, note."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...denoise.fields.field import Field, denoise_field
from ...denoise.fields.tiles import FieldNetwork
from ...errors import IceblockError
from ...figures.before_after import before_after
from ...figures.overlay import write_png
from ...images.denoised_mark import DENOISED
from ...images.disk import read_error, write_file
from ...images.mrc.image import write_image
from ...segment.segmenter import Segmenter
from ..labelled import Labelled
from .options import FULL, MICROGRAPHS, PICTURES, MicrographsOptions

FACTS = ".facts"
"""Hidden folder in a run's own: what is known of each micrograph that is whole."""


@dataclass(frozen=True)
class Facts:
    """What the run tells of one micrograph."""

    name: str
    output: str
    """Of its files, without an ending; empty for a micrograph that cannot be read."""
    shape: tuple[int, int] = (0, 0)
    """(ny, nx) of the file that was written."""
    pixel_size: float = 0.0
    """Å, of the file that was written."""
    working_pixel_size: float = 0.0
    scale: float = 1.0
    """Raw pixels in one of the file that was written."""
    pollution: float = 0.0
    floor: float = 0.0
    strength: float = 0.0
    low_pass: float = 0.0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class MicrographDenoiser:
    """Denoises any micrograph of a run; nothing is done for one that is whole already."""

    options: MicrographsOptions
    diameter: float
    network: FieldNetwork
    segmenter: Segmenter

    def __call__(self, one: Labelled) -> Facts:
        """Denoise a micrograph.

        Raises
        ------
        IceblockError
            For a disk that fails, and a particle larger than the micrograph.
        """
        known = self.known_in(self.options.out, one)
        if known is not None:
            return known
        out, options = self.options.out, self.options
        try:
            image = one.read()[0]
        except IceblockError as error:
            facts = Facts(one.micrograph.name, "", remarks=(str(error),))
        else:
            size = one.micrograph.pixel_size
            field = denoise_field(
                image, size, self.diameter, self.network, self.segmenter, one.picks
            )
            full = options.size == FULL
            made = field.grid.enlarged(field.image) if full else field.image
            pixel_size = size if full else field.grid.working_pixel_size
            path = out / MICROGRAPHS / f"{one.output}.mrc"
            write_image(path, made.astype(options.dtype), pixel_size, DENOISED)
            _draw(out / PICTURES / f"{one.output}.png", field, one)
            facts = _facts(field, one, (made.shape[0], made.shape[1]), pixel_size, image.remarks)
        write_file(_facts_file(out, one), json.dumps(asdict(facts)))
        return facts

    @staticmethod
    def known_in(out: Path, one: Labelled) -> Facts | None:
        """Give what was noted in a run's folder of a micrograph that is whole."""
        path = _facts_file(out, one)
        try:
            values: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise read_error(error, path) from error
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        facts = Facts(**{**values, **lists})
        there = (out / MICROGRAPHS / f"{facts.output}.mrc").is_file()
        return facts if there or not facts.output else None


def _facts_file(out: Path, one: Labelled) -> Path:
    return out / FACTS / f"{one.output}.json"


def _facts(
    field: Field, one: Labelled, shape: tuple[int, int], pixel_size: float,
    remarks: tuple[str, ...],
) -> Facts:  # fmt: skip
    return Facts(
        one.micrograph.name,
        one.output,
        shape,
        pixel_size,
        field.grid.working_pixel_size,
        pixel_size / one.micrograph.pixel_size,
        round(float(field.pollution.mean()), 4),
        round(field.floor, 4),
        round(field.strength.network, 4),
        round(field.strength.low_pass, 4),
        remarks,
    )


def _draw(path: Path, field: Field, one: Labelled) -> None:
    picks = None if one.picks is None else np.asarray(one.picks) / field.grid.scale
    size = field.grid.working_pixel_size
    write_png(path, before_after(field.raw, field.image, field.pollution, size, picks))
