"""What a set has taught, in the order and the conventions of the output files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from ...images.class_poses import ClassPoses
from ...sets.classes.agreement import ring_correlations, rings_seen
from ...sets.classes.halves import Evidence, Halves, Judgement, evidence_of
from ...sets.classes.learn import Learned
from ...signal.fourier import fourier_resize
from .images import Field


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
        Fourier ring correlation of what two halves of the set, learned apart, show of each class;
        0 where there were too few images to learn from halves.
    resolution : (classes,)
        Å; infinite where the halves show nothing in common.
    evidence : (classes,)
        What the other half says of the images of each class.
    poses
        Of the images, for the output.
    """

    averages: torch.Tensor
    counts: npt.NDArray[np.int64]
    frc: npt.NDArray[np.float64]
    resolution: npt.NDArray[np.float64]
    evidence: list[Evidence]
    poses: ClassPoses

    @property
    def shows(self) -> npt.NDArray[np.bool_]:
        """(classes,) where the halves agree on an average, or one foresees the other's images."""
        foreseen = np.array([each.something for each in self.evidence])
        return foreseen | np.isfinite(self.resolution)

    def blank(self) -> Self:
        """Give the same without averages, for a set in which nothing is to be seen."""
        nothing = [Evidence(0.0, 0.0, each.images) for each in self.evidence]
        return replace(
            self,
            averages=torch.zeros_like(self.averages),
            resolution=np.full(len(nothing), np.inf),
            evidence=nothing,
        )


def in_order(
    learned: Learned,
    halves: Halves | None,
    judged: Judgement | None,
    usable: npt.NDArray[np.bool_],
    field: Field,
) -> Classified:
    """Sort classes by their size, and bring poses to RELION's conventions.

    Parameters
    ----------
    learned, halves, judged
        From the engine.
    usable : (m,)
        Images that hold numbers; the others count as empty.
    field
        What was seen of every image.
    """
    classes = learned.mixture.classes
    found = learned.poses.classes.numpy().copy()
    if judged is not None:
        found[judged.empty.numpy()] = classes
    found[~usable] = classes
    counts = np.bincount(found, minlength=classes + 1)
    order = np.argsort(-counts[:-1], kind="stable")
    rank = np.append(np.argsort(order), classes)
    grid = field.grid()
    frc = torch.zeros(classes, grid.rings, dtype=torch.float64)
    if halves is not None:
        frc = ring_correlations(learned.mixture, halves, grid)[torch.from_numpy(order)]
    rings = rings_seen(frc, grid).double().numpy()
    told = torch.full((len(found),), torch.nan) if judged is None else judged.log_likelihood
    known = np.asarray(~torch.isnan(told).numpy())
    evidence = [evidence_of(told[torch.from_numpy((found == number) & known)]) for number in order]
    turns = learned.poses.turns.double().numpy()
    offsets = learned.poses.offsets.double().numpy() * field.pixel_size
    poses = ClassPoses(
        classes=rank[found] + 1,
        psi=180 - (turns + 180) % 360,
        origins=-offsets[:, ::-1],
        highest=learned.poses.highest.double().numpy(),
        certainty=learned.poses.certainty.double().numpy(),
        log_likelihood=torch.where(torch.isnan(told), learned.poses.log_likelihood, told)
        .double()
        .numpy(),
    )
    return Classified(
        averages=grid.images(learned.mixture.averages[torch.from_numpy(order)]),
        counts=counts[np.append(order, classes)],
        frc=np.asarray(frc.numpy()),
        resolution=_resolution(rings, field),
        evidence=evidence,
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


def _resolution(rings: npt.NDArray[np.float64], field: Field) -> npt.NDArray[np.float64]:
    """Give Å of the last ring that is seen."""
    with np.errstate(divide="ignore"):
        return np.asarray(field.box * field.pixel_size / rings)
