"""Learn the prior of a set of images that are in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..compute.threads import one_thread_each
from ..sets.covariance.learn import learn
from ..signal.fourier import fourier_resize
from ..signal.outliers import without_outliers
from .views import geometry_of, normalised, set_view, working_view

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..sets.covariance.set_prior import SetPrior
    from ..signal.ctf import CtfParameters
    from .views import Geometry

_PIECE = 8

Shown = tuple[torch.Tensor, "npt.NDArray[np.bool_]"]


def shown_to_prior(
    images: npt.NDArray[np.float32], pixel_size: float, contrast: int, working_pixel_size: float
) -> Shown:
    """Show raw images as the prior of their set sees them.

    Parameters
    ----------
    images : (n, box, box)
    pixel_size, working_pixel_size
        Å; the latter of the network.
    contrast
        1 for white particles, -1 for black ones.

    Returns
    -------
    shown : (m, b, b)
        Of the usable ones.
    usable : (n,) bool
    """
    known, unusable = normalised(torch.from_numpy(images), contrast)
    known, _ = without_outliers(known)
    seen, _ = working_view(known, pixel_size, working_pixel_size)
    return set_view(seen)[0][~unusable], ~unusable.numpy()


def learn_prior(
    images: npt.NDArray[np.float32],
    pixel_size: float,
    ctf: CtfParameters | None,
    working_pixel_size: float,
    contrast: int = 1,
) -> dict[Geometry, SetPrior]:
    """Learn from raw images what `Denoiser` takes as `priors`; nothing where they are too few.

    Parameters
    ----------
    images : (n, box, box) float32
    pixel_size, working_pixel_size
        Å; the latter of the network.
    ctf
        n of them; None where the set has none.
    contrast
        1 for white particles, -1 for black ones.
    """

    def show(start: int) -> Shown:
        piece = images[start : start + _PIECE]
        return shown_to_prior(piece, pixel_size, contrast, working_pixel_size)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool, one_thread_each():
        parts = list(pool.map(show, range(0, len(images), _PIECE)))
        shown = torch.cat([part for part, _ in parts])
        usable = np.flatnonzero(np.concatenate([usable for _, usable in parts]))
        optics = None if ctf is None else ctf.take(usable)
        box = images.shape[-1]
        prior = learn(shown, optics, box * pixel_size / shown.shape[-1], pool)
    return {} if prior is None else {geometry_of(box, pixel_size): prior}


def linear_estimate(
    images: torch.Tensor,
    pixel_size: float,
    ctf: CtfParameters | None,
    prior: SetPrior,
    working_pixel_size: float,
) -> torch.Tensor:
    """Give the prior's own estimate of normalised images (n, box, box), without a network's."""
    seen, sd = working_view(images, pixel_size, working_pixel_size)
    view, further = set_view(seen)
    return fourier_resize(prior.estimate(view, ctf) * further * sd, images.shape[-1])
