"""What networks see in real micrographs, and how much they leave of the noise.

    python benchmarks/field_gain.py PROJECTS --model iceblock-field --model iceblock-4A

`truth seen`: the variance of the truth that the network's answer, the low-pass at 40 Å, and both
together explain, each with its best weight, in units of the ice's variance. Stein's identity tells
it without the truth (core/denoise/fields/strength.py). A perfect answer has the strength 1.

Two regions count as empty, at the working pixel size: what the segmentation is sure of, and all
that lies farther than a diameter from every pick. The second one holds particles that nobody
picked, so that it is an upper bound; there, slow changes are taken off both images first.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from pickers import DIAMETERS, Image, Places
from scipy.ndimage import distance_transform_edt, gaussian_filter

from core.denoise.fields.field import denoise_field
from core.denoise.fields.ice import Ice
from core.denoise.fields.strength import products
from core.denoise.fields.tiles import FieldNetwork
from core.denoise.model_file import load_model
from core.denoise.shipped import find_model
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import list_micrographs, read_micrograph
from core.runs.micrographs.inputs import segmenter_on

if TYPE_CHECKING:
    from core.denoise.fields.field import Field
    from core.segment.segmenter import Segmenter

BORDER = 20
"""Pixels at the border that do not count."""


def far_from_picks(field: Field, picks: Places, diameter: float) -> float:
    """Give what is left farther than a diameter (Å) from all picks."""
    free = np.ones(field.image.shape, bool)
    places = np.rint(picks / field.grid.scale).astype(int)
    free[tuple(np.clip(places, 0, np.array(free.shape) - 1).T)] = False
    reach = diameter / field.grid.working_pixel_size
    far = (distance_transform_edt(free) > reach) & (field.pollution == 0)
    far[:BORDER] = far[-BORDER:] = far[:, :BORDER] = far[:, -BORDER:] = False

    def spread(image: Image) -> float:
        return float((image - gaussian_filter(image, reach))[far].std())

    return spread(field.image) / spread(field.raw)


def seen(field: Field, network: FieldNetwork) -> tuple[float, float, float, float]:
    """Give the truth seen by the network, the low-pass and both, and the network's best weight."""
    ice = Ice(-field.raw, field.empty, field.pollution)
    squares, truth = products(ice, field.grid.working_pixel_size, network)
    one, other = truth**2 / np.diag(squares)
    return one, other, float(truth @ np.linalg.solve(squares, truth)), truth[0] / squares[0, 0]


def rows_of(project: Path, model: str, segmenter: Segmenter) -> np.ndarray:
    """Measure each micrograph of a project."""
    diameter = next(d for name, d in DIAMETERS.items() if name in project.name)
    found = list_micrographs(project / "Micrographs/micrographs.star")
    picks = read_picks(project / "AutoPick/job002/autopick.star", found)
    network = FieldNetwork(load_model(find_model(model)), torch.device("cpu"))
    rows = []
    for one in found:
        field = denoise_field(read_micrograph(one), one.pixel_size, diameter, network, segmenter)
        places = picks.of(one.name)
        far = far_from_picks(field, np.empty((0, 2)) if places is None else places, diameter)
        rows.append((*seen(field, network), field.floor, far))
    return np.array(rows)


@click.command()
@click.argument("projects", nargs=-1, type=click.Path(path_type=Path))
@click.option("--model", "models", multiple=True, required=True)
def main(projects: tuple[Path, ...], models: tuple[str, ...]) -> None:
    """Print a table: means, and the last micrograph by itself."""
    segmenter = segmenter_on("cpu")
    heads = ("network", "low-pass", "both", "strength", "left where empty", "left far from picks")
    print(f"| set | model | {' | '.join(heads)} |\n|{'---|' * (2 + len(heads))}")
    for project in projects:
        for model in models:
            rows = rows_of(project, model, segmenter)
            for name, row in (("mean", rows.mean(axis=0)), ("last one", rows[-1])):
                cells = " | ".join(f"{value:.3f}" for value in row)
                print(f"| {project.name}, {name} | {Path(model).stem} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
