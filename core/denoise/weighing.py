"""How much each estimate of a set counts, told from some of its images and probes of its noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

import torch

from ..compute.threads import shared
from ..sets.covariance.background import BackgroundSpectrum
from ..sets.stacking.combination import Weights, parts
from ..sets.stacking.confidence import Confidence
from ..sets.stacking.evidence import Evidence
from ..sets.stacking.noise_inside import inside
from ..sets.stacking.noise_level import spectrum_of_noise
from ..sets.stacking.stein import EPSILON, Products, joined, products
from ..sets.stacking.weights import best_weights, useful
from ..signal.spectrum import noise_with_power
from .estimators.estimator import Seen
from .estimators.network import Network
from .jury import Heard, Jury
from .known_set import KnownSet

FEWEST = 64
"""Images from which weights are told; with less, the network stands alone."""
PIECE = 16
"""Images that one thread works on at a time."""
MOST = 1024
MOST_BYTES = 64 << 20
"""Of images that weights are told from, at the working pixel size."""


def how_many(box: int) -> int:
    """Give the number of images (box, box) that weights are told from."""
    return max(FEWEST, min(MOST, MOST_BYTES // (4 * box**2)))


@torch.inference_mode()
def weigh(
    known: KnownSet,
    network: Network,
    sample: Seen,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
    others: torch.Tensor | None = None,
) -> tuple[Weights, Evidence, Confidence | None] | None:
    """Find the weights of the network's answer and of a set's estimates, and what they lead to.

    Parameters
    ----------
    known
        The set.
    network
        Gives the safe estimate.
    sample
        Images of the set on the network's device; all with a CTF, or none.
    pool
        Whose threads share the pieces; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece.
    others : (m, box, box)
        Further images of the set, seen alike; they help to tell how strong its signal is.

    Returns
    -------
    weights, evidence
        Of those that bring the result closer to the truth; and how well each estimate and the
        result agree with it. Other images told the weights of each image's result.
    confidence
        How far to trust each result; None where the images show no more than their noise.

    None for less than `FEWEST` images.
    """
    if len(sample.images) < FEWEST:
        return None
    names = (network.name, *(each.name for each in known.estimators()))
    pieces = [sample.take(rows) for rows in torch.split(torch.arange(len(sample.images)), PIECE)]
    noise = noise_of(sample, pool)
    jury = Jury(sample, noise, others)

    def work(seen: Seen) -> tuple[Products, Heard]:
        probes = probes_of(seen, noise)
        again = seen.showing(seen.images + EPSILON * probes)
        answers = [known.answers(each, network(each)) for each in (seen, again)]
        found = [parts(each) for each in answers]
        heard = jury.hear(seen.images, probes, answers, found)
        return products(seen.images, probes, *found).cpu(), heard

    several, told = [], []
    for piece, (made, heard) in zip(pieces, shared(pool, work, pieces), strict=True):
        several.append(made)
        told.append(heard)
        tick(len(piece.images))
    seen = joined(several)
    fitted = partial(_fitted, seen, names)
    best = fitted(torch.arange(len(seen)))
    return best[1], jury.verdict(names, told, fitted, pool), jury.confidence(told, best, pool)


def _fitted(seen: Products, names: Sequence[str], rows: torch.Tensor) -> tuple[list[int], Weights]:
    """Give the estimates that are of use to some of the images, and their weights."""
    mine = seen.take(rows)
    kept = useful(mine)
    return kept, best_weights(mine.parts(kept), tuple(names[number] for number in kept))


def noise_of(sample: Seen, pool: Executor | None) -> torch.Tensor:
    """Give the power (rings,) of the images' noise, from their background and by their CTF.

    Parameters
    ----------
    sample, pool
        See `weigh`.
    """
    images = sample.images.cpu()
    box = images.shape[-1]

    def of_piece(piece: torch.Tensor) -> BackgroundSpectrum:
        spectrum = BackgroundSpectrum(box)
        spectrum.add(piece)
        return spectrum

    background = BackgroundSpectrum(box)
    for spectrum in shared(pool, of_piece, torch.split(images, PIECE)):
        background.join(spectrum)
    power = spectrum_of_noise(background.power().float(), box)
    if sample.ctf is None:
        return power
    return power * inside(images, sample.ctf, sample.pixel_size, power)


def probes_of(seen: Seen, power: torch.Tensor) -> torch.Tensor:
    """Draw noise for each image, always the same for the same image."""
    box = seen.images.shape[-1]
    drawn = [
        noise_with_power(power[None], box, torch.Generator().manual_seed(key))
        for key in seen.keys.tolist()
    ]
    return torch.cat(drawn).to(seen.images.device)
