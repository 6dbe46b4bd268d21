"""The hallucination gate for the whole result of a denoising run that learned from its set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...compute.threads import shared, thread_pool
from ...denoise.estimators.estimator import Seen
from ...denoise.inference import Denoiser
from ...denoise.known_set import KnownSet
from ...denoise.known_set_file import read_sets
from ...denoise.views import geometry_of, seen_by_network, set_of
from ...errors import IceblockError
from ...evaluate.einstein import Reference
from ...evaluate.gate import Trial
from ...evaluate.hallucination import REFERENCES
from ...evaluate.whole_result import Denoise, Whole
from ...noise.source import NoiseSource
from ...signal.background import ring_statistics
from ...signal.ctf import CtfParameters
from ...signal.fourier import fourier_resize
from ...simulate.ctf_rows import CtfRows
from ...simulate.phantoms import phantom
from ...simulate.projection import VolumeTransform
from ...simulate.superposition import support
from ..usable_ctf import usable_ctf
from .gate import UNSEEN
from .inputs import Evaluated
from .options import EvaluateOptions

Places = npt.NDArray[np.int64]

PIECE = 8
"""Images that one thread works on at a time."""
SIZES = (0.8, 1.0)
"""Of other structures, as parts of the set's particle."""
WIDEST = 0.85
"""Part of the box that they may take."""
ODD = "the trial of the whole result takes no CTF from them"


@dataclass(frozen=True)
class Known:
    """What a run has learned from the particles that are judged.

    Attributes
    ----------
    known
        The set, with weights.
    box, pixel_size
        At which the network sees its images, pixels and Å.
    """

    known: KnownSet
    box: int
    pixel_size: float


def known_of(
    options: EvaluateOptions, seen: Evaluated, denoiser: Denoiser
) -> tuple[Known | None, str]:
    """Find what the denoising run has learned, or say why only the network can be tried."""
    identity = seen.record.identity
    if not identity:
        return None, "no run.json beside the particles says how they were denoised"
    if identity.get("each_alone"):
        return None, "every particle was denoised by itself"
    if identity.get("model_sha256") != denoiser.model.sha256:
        return None, "the set was learned with another model than this one"
    try:
        sets = read_sets(options.denoised.parent)
    except IceblockError:
        return None, "what the set has taught is not beside the particles any more"
    key = set_of(sets, seen.box, seen.pixel_size)
    if key is None or sets[key].weights is None:
        return None, "the set has taught nothing"
    working = denoiser.model.card.working_pixel_size
    return Known(sets[key].to(denoiser.device), *seen_by_network(*key, working)), ""


def whole_of(seen: Evaluated, denoiser: Denoiser, known: Known) -> Whole:
    """Give what is to be tried."""
    ctf = usable_ctf(seen.particles, ODD)
    rows = None if ctf is None else seen.rows[ctf.known[seen.rows]]
    optics = None if ctf is None or rows is None or not len(rows) else CtfRows(ctf.take(rows))
    own = known.known
    result, weighed, network = (
        _way(denoiser, known, each) for each in (own, own.network_alone(), None)
    )
    return Whole(result, weighed, network, _taught(known), optics)


def judged(
    options: EvaluateOptions, seen: Evaluated, denoiser: Denoiser, places: Places
) -> npt.NDArray[np.float32]:
    """Tell the confidences of some particles of the sample; of the result, where it is known."""
    known, _ = known_of(options, seen, denoiser)
    ctf = usable_ctf(seen.particles, ODD) if known else None
    sets = {geometry_of(seen.box, seen.pixel_size): known.known} if known else {}
    mine = None if ctf is None else ctf.take(seen.rows[places])
    way = Denoiser(denoiser.model, denoiser.device, sets=sets)
    answer = way.answer(seen.raw[places], seen.pixel_size, ctf=mine, confidence=True)
    return answer.confidence


def whole_trial(known: Known, noise: NoiseSource, noise_images: int) -> Trial:
    """Set up what it is tried on: other structures, about as large as the set's own."""
    evidence, side = known.known.evidence, known.box * known.pixel_size
    size = min(2 * evidence.radius if evidence else side, WIDEST * side)
    sizes = (SIZES[0] * size, SIZES[1] * size)
    others = [VolumeTransform(phantom(seed, known.pixel_size, sizes)) for seed in UNSEEN]
    return Trial((), others, noise, known.box, known.pixel_size, noise_images)


def _way(denoiser: Denoiser, known: Known, own: KnownSet | None) -> Denoise:
    """Denoise with a set, or with the network alone."""

    @torch.inference_mode()
    def piece(seen: Seen) -> torch.Tensor:
        mean, sd = ring_statistics(seen.images)
        mine = seen.showing((seen.images - mean) / sd).to(denoiser.device)
        first = denoiser.network(mine)
        found = first if own is None else own.result(first, mine)
        return found.cpu() * sd

    def denoise(images: torch.Tensor, ctf: CtfParameters | None) -> torch.Tensor:
        whole = Seen(images, known.pixel_size, ctf, torch.arange(len(images)))
        pieces = [whole.take(rows) for rows in torch.split(whole.keys, PIECE)]
        with thread_pool() as pool:
            return torch.cat(list(shared(pool, piece, pieces)))

    return denoise


def _taught(known: Known) -> tuple[Reference, ...]:
    """Give some of the pictures that the set has taught, or its mean where it knows no views."""
    found = [known.known.prior.mean[None]]
    for told in known.known.views.values():
        views = told[0][0]
        rows = np.linspace(0, len(views.views) - 1, REFERENCES).astype(int)
        found.append(views.grid.images(views.views[torch.from_numpy(rows)]))
    images = fourier_resize(torch.cat(found).cpu(), known.box)
    chosen = images[-REFERENCES:]
    masks = support(chosen)
    return tuple(Reference(image, mask) for image, mask in zip(chosen, masks, strict=True))
