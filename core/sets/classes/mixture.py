"""The model of a set: class averages in noise, and what images add up to under it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch


@dataclass(frozen=True)
class Mixture:
    """What is believed of a set at one moment.

    Every image is the average of one class, turned in the plane, moved, seen through the image's
    CTF, in noise; or it is noise alone.

    Attributes
    ----------
    averages : (classes, rings, turns)
        Polar samples of the class averages without a CTF, white particles.
    weights : (classes + 1,)
        Part of the images in each class; the last is that of images of noise alone.
    noise : (groups, rings)
        Power of the noise in a Fourier pixel of the whole box, for each optics group.
    offset_sd
        Of the particles' offsets along y and along x, pixels.
    """

    averages: torch.Tensor
    weights: torch.Tensor
    noise: torch.Tensor
    offset_sd: float

    @property
    def classes(self) -> int:
        """Number of classes, without that of empty images."""
        return len(self.averages)


@dataclass(frozen=True)
class Statistics:
    """Sums over images, of which the next mixture is made.

    Attributes
    ----------
    signal : (classes, rings, turns)
        Images, turned and moved back and weighted by posterior × CTF / noise power.
    precision : (classes, rings)
        Posterior × CTF² / noise power.
    counts : (classes + 1,)
        Posterior.
    residual : (groups, rings)
        Power that the averages do not explain, of the masked images.
    members : (groups,)
        Images.
    offsets
        Squares of the offsets, y and x together, pixels².
    log_likelihood
        Over that of noise alone.
    """

    signal: torch.Tensor
    precision: torch.Tensor
    counts: torch.Tensor
    residual: torch.Tensor
    members: torch.Tensor
    offsets: torch.Tensor
    log_likelihood: torch.Tensor

    def __add__(self, other: Statistics) -> Statistics:
        names = [field.name for field in fields(self)]
        return Statistics(*(getattr(self, name) + getattr(other, name) for name in names))

    def scaled(self, factor: float) -> Statistics:
        """Give all sums times a factor."""
        return Statistics(*(getattr(self, field.name) * factor for field in fields(self)))
