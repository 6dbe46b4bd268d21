"""A picture of what a data set has taught about its particles: their mean and components."""

from __future__ import annotations

import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ..sets.covariance.set_prior import SetPrior
from ..wording import counted
from .axes import LARGE, SMALL
from .gallery import page
from .montage import montage

Images = npt.NDArray[np.float32]

COLUMNS, ROWS = 5, 3
SENTENCE = (
    "The mean in all turns, and the patterns by which particles differ from it, strongest first "
    "with their part of the variance: those no wider than the particle are its own shape, and "
    "those that grow towards the rim are neighbours, carbon or slopes in the ice, learned too."
)
_BLANK = 99.0
"""Far beyond the grey range: white."""


def set_page(prior: SetPrior) -> Figure:
    """Show the mean image and the strongest components, each with its part of all variance.

    Parameters
    ----------
    prior
        Of the set.
    """
    components, parts = strongest(prior, COLUMNS * ROWS - 1)
    images = np.concatenate([prior.mean.numpy()[None], components])
    tiles = np.full((COLUMNS * ROWS, prior.box, prior.box), _BLANK, dtype=np.float32)
    tiles[: len(images)] = _own_scale(images)
    corrected = bool((prior.transfers != 1).any())
    figure = page()
    figure.suptitle(
        "What the particles of this set have in common\n"
        f"Learned from {counted(prior.count, 'image')} of {prior.pixel_size:.3g} Å per pixel"
        f"{', with the CTF taken off' if corrected else ''}. Mid-grey is zero.",
        fontsize=LARGE,
    )
    # Blanks make labels of their own.
    lines = enumerate(np.split(tiles, ROWS))
    axes = figure.subplots()
    rows = {" " * number: (line, 1.0) for number, line in lines}
    montage(axes, rows, prior.pixel_size)
    words = ["mean", *(f"{100 * part:.1f} %" for part in parts)]
    for place, word in enumerate(words):
        row, column = divmod(place, COLUMNS)
        axes.text(
            (column + 0.06) / COLUMNS, 1 - (row + 0.06) / ROWS, word, fontsize=SMALL, va="top",
            transform=axes.transAxes,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        )  # fmt: skip
    axes.set_xlabel(textwrap.fill(SENTENCE, 130), fontsize=SMALL)
    return figure


def strongest(prior: SetPrior, count: int) -> tuple[Images, npt.NDArray[np.float64]]:
    """Choose the components that matter most in what a microscope passes.

    Parameters
    ----------
    prior
        Of the set.
    count
        How many at most; of a pair that a turn mixes one stands for both.

    Returns
    -------
    components : (k, box, box)
        The strongest first.
    parts : (k,)
        Of the variance of all components, as the set's CTFs pass it; of a pair together.
    """
    box, slots = prior.box, prior.posterior.shape[-1]
    images, places = prior.components.numpy(), prior.places.numpy()
    passed = np.square(np.abs(np.fft.rfft2(images))) * _mean_square_transfer(prior)
    passed[..., 1 : (box + 1) // 2] *= 2  # the half of the spectrum that an rfft2 leaves out
    energy = passed.sum(axis=(1, 2))
    pair = places // slots // 2 * slots + places % slots
    together = np.bincount(pair, weights=energy)
    first = np.flatnonzero(places // slots % 2 == 0)
    order = first[np.argsort(-together[pair[first]], kind="stable")][:count]
    return images[order], together[pair[order]] / max(energy.sum(), np.finfo(float).tiny)


def _mean_square_transfer(prior: SetPrior) -> npt.NDArray[np.float64]:
    """Mean of CTF² over the kinds of CTF, for an rfft2."""
    square = prior.transfers.double().square().mean(dim=0).numpy()
    y, x = np.fft.fftfreq(prior.box)[:, None], np.fft.rfftfreq(prior.box)
    return np.asarray(np.interp(np.hypot(y, x), prior.frequencies.numpy(), square))


def _own_scale(images: Images) -> Images:
    """Scale each image by its own extreme."""
    extreme = np.abs(images).max(axis=(1, 2), keepdims=True)
    return np.asarray(images / np.where(extreme > 0, extreme, 1))
