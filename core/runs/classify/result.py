"""What a set has taught, in the order and the conventions of the output files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...images.class_poses import ClassPoses
from ...signal.fourier import fourier_resize

if TYPE_CHECKING:
    import numpy.typing as npt

    from ...sets.classes.learn import Learned
    from .images import Field

SEEN = 0.143
"""Fourier ring correlation between halves down to which an average shows a signal."""


@dataclass(frozen=True)
class Classified:
    """Class averages and the places of the images, the largest class first.

    Attributes
    ----------
    averages : (classes, box, box)
        As the engine sees them.
    counts : (classes + 1,)
        Images in each class; the last are those of noise alone.
    frc : (classes, rings)
        Fourier ring correlation between two halves of the images of a class.
    resolution : (classes,)
        Å; infinite where the halves show nothing in common.
    poses
        Of the images, for the output.
    """

    averages: torch.Tensor
    counts: npt.NDArray[np.int64]
    frc: npt.NDArray[np.float64]
    resolution: npt.NDArray[np.float64]
    poses: ClassPoses


def in_order(learned: Learned, usable: npt.NDArray[np.bool_], field: Field) -> Classified:
    """Sort classes by their size, and bring poses to RELION's conventions.

    Parameters
    ----------
    learned
        From the engine.
    usable : (m,)
        Images that hold numbers; the others count as empty.
    field
        What was seen of every image.
    """
    classes = learned.mixture.classes
    found = learned.poses.classes.numpy().copy()
    found[~usable] = classes
    counts = np.bincount(found, minlength=classes + 1)
    order = np.argsort(-counts[:-1], kind="stable")
    rank = np.append(np.argsort(order), classes)
    one, other = learned.halves[:, torch.from_numpy(order)].double()
    products = (one * other).mean(-1)
    norm = (one.square().mean(-1) * other.square().mean(-1)).sqrt().clamp(min=1e-30)
    frc = np.asarray((products / norm).numpy())
    grid = field.grid()
    turns = learned.poses.turns.double().numpy()
    offsets = learned.poses.offsets.double().numpy() * field.pixel_size
    poses = ClassPoses(
        classes=rank[found] + 1,
        psi=180 - (turns + 180) % 360,
        origins=-offsets[:, ::-1],
        highest=learned.poses.highest.double().numpy(),
        certainty=learned.poses.certainty.double().numpy(),
        log_likelihood=learned.poses.log_likelihood.double().numpy(),
    )
    return Classified(
        averages=grid.images(learned.mixture.averages[torch.from_numpy(order)]),
        counts=counts[np.append(order, classes)],
        frc=frc,
        resolution=_resolution(frc, field.box * field.pixel_size),
        poses=poses,
    )


def enlarged(
    averages: torch.Tensor, field: Field, box: int, pixel_size: float
) -> npt.NDArray[np.float32]:
    """Lay averages into images of a box and a pixel size (Å), as the particles have them."""
    wide = 2 * round(box * pixel_size / field.pixel_size / 2)
    before = wide // 2 - field.box // 2
    after = wide - field.box - before
    laid = torch.nn.functional.pad(averages, [before, after] * 2)
    return np.asarray(fourier_resize(laid, box).numpy())


def _resolution(frc: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    """Give Å where each row of an FRC, smoothed over three rings, falls below `SEEN`."""
    wide = np.pad(frc, ((0, 0), (1, 1)), mode="edge")
    smooth = (wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]) / 3
    below = smooth < SEEN
    first = np.where(below.any(axis=1), below.argmax(axis=1), frc.shape[1])
    with np.errstate(divide="ignore"):
        return np.asarray(width / first)
