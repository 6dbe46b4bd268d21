"""How much of a network's answer, and of the plain low-pass, belongs into a micrograph's result.

A micrograph is y = x + n: truth and noise. Of all sums g e + l p of the network's answer e and the
low-pass p, the one nearest to the truth in the mean needs <e, x> and <p, x>. They are known without
the truth by Stein's identity (Ann. Statist. 9 (1981)), with probes of noise that has the spectrum
of the micrograph's own empty ice (Ramani, Blu and Unser, IEEE Trans. Image Process. 17 (2008)):
<e, x> = <e, y> - <n', e(y + ε n') - e(y)> / ε in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...signal.region_spectrum import region_power
from ...signal.spectrum import noise_with_power
from .ice import Ice, low_pass
from .tiles import FieldNetwork

Image = npt.NDArray[np.float32]

SIDE, PATCHES = 256, 4
"""Parts of a micrograph, in working pixels, on which it is measured."""
FAINTEST, STRONGEST = 0.25, 2.0
"""Limits of g: what is measured on one micrograph has an error of its own."""
MOST_NOISE = 0.09
"""Largest standard deviation in empty ice, in units of the raw one: l is no larger than that."""
_EPSILON = 0.2
_BOX, _RIM = 128, 32
_LEAST_EMPTY = 0.02


@dataclass(frozen=True)
class Strength:
    """The weights of the network's answer and of the low-pass."""

    network: float
    low_pass: float


def measured(ice: Ice, answer: Image, pixel_size: float, network: FieldNetwork) -> Strength:
    """Measure both weights on one micrograph.

    Parameters
    ----------
    ice
        The micrograph.
    answer : (h, w)
        Of the network.
    pixel_size
        Å of the working pixels.
    network
        Asked again about a few parts.
    """
    plain = low_pass(ice.image, pixel_size)
    g, part = 1.0, 0.0
    if ice.empty.mean() >= _LEAST_EMPTY:
        g, part = _weights(*products(ice, pixel_size, network))
    return Strength(g, _bounded(g, part, ice, answer, plain))


def products(
    ice: Ice, pixel_size: float, network: FieldNetwork
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Measure, per pixel, what the weights come from on some parts of a micrograph.

    Parameters
    ----------
    ice
        The micrograph; some of it must be empty.
    pixel_size
        Å of the working pixels.
    network
        Asked about the parts.

    Returns
    -------
    squares : (2, 2)
        Of the network's answer and the low-pass with each other.
    truth : (2,)
        Of both with the truth.
    """
    power = torch.from_numpy(region_power(ice.image, ice.empty, _BOX)).float()
    side = min(SIDE, *ice.image.shape) // 8 * 8
    generator = torch.Generator().manual_seed(0)
    squares, truth, pixels = np.zeros((2, 2)), np.zeros(2), 0.0
    rim = min(_RIM, side // 4)
    inner = slice(rim, side - rim)
    for y, x in _places(ice.pollution, side):
        image = ice.image[y : y + side, x : x + side]
        noise = noise_with_power(power[None], side, generator)[0].numpy()
        e, probed = network.answer(np.stack([image, image + _EPSILON * noise]))
        p, noise_of_p = low_pass(image, pixel_size), low_pass(noise, pixel_size)
        kept = (1 - ice.pollution[y : y + side, x : x + side])[inner, inner].astype(np.float64)
        y_, n_ = image[inner, inner] * kept, noise[inner, inner] * kept
        pixels += float(kept.sum())
        parts = [e[inner, inner], p[inner, inner]]
        change = [(probed - e)[inner, inner] / _EPSILON, noise_of_p[inner, inner]]
        for j in range(2):
            truth[j] += float((parts[j] * y_).sum() - (change[j] * n_).sum())
            for k in range(2):
                squares[j, k] += float((parts[j] * parts[k] * kept).sum())
    return squares / max(pixels, 1), truth / max(pixels, 1)


def _weights(
    squares: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Solve for the two weights."""
    alone = truth[0] / max(squares[0, 0], 1e-12)
    squares = squares + 1e-3 * np.trace(squares) / 2 * np.eye(2) + 1e-12 * np.eye(2)
    g, part = np.linalg.solve(squares, truth)
    if part <= 0:
        g, part = alone, 0.0
    return float(np.clip(g, FAINTEST, STRONGEST)), float(max(part, 0))


def _places(pollution: Image, side: int) -> list[tuple[int, int]]:
    """Choose the parts with the least pollution, of a lattice over the micrograph."""
    corners = [
        (int(y), int(x))
        for y in np.linspace(0, pollution.shape[0] - side, 3)
        for x in np.linspace(0, pollution.shape[1] - side, 3)
    ]
    corners = list(dict.fromkeys(corners))
    hidden = [float(pollution[y : y + side, x : x + side].mean()) for y, x in corners]
    order = np.argsort(np.round(hidden, 2), kind="stable")[:PATCHES]
    return [corners[k] for k in sorted(order.tolist())]


def _bounded(g: float, part: float, ice: Ice, answer: Image, plain: Image) -> float:
    """Lower the low-pass's weight until empty ice shows little of its noise."""
    if not ice.empty.any():
        return 0.0
    e, p = g * answer[ice.empty], plain[ice.empty]
    most = MOST_NOISE * float(ice.image[ice.empty].std())
    a, b, c = float(p.var()), float(np.cov(e, p)[0, 1]), float(e.var()) - most**2
    if c >= 0 or a <= 0:
        return 0.0
    return float(min(part, (-b + np.sqrt(b * b - a * c)) / a))
