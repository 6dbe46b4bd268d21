"""Denoising of arrays: normalise, bring to the working pixel size, run the network, go back."""

from __future__ import annotations

import copy
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..compute.compiled import compiled
from ..compute.device import bf16_pays
from ..compute.overlap import Overlap, pinned
from ..compute.threads import one_thread_each
from ..errors import IceblockError
from ..signal.fourier import fourier_resize, smooth
from ..signal.outliers import without_outliers
from .confidence import TABLE, VIEWS, agreement, calibrated, turned
from .ctf_channel import ctf_factor, joined_channels, reads_ctf, with_ctf_channel
from .views import normalised, set_of, set_view, working_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from ..sets.covariance.set_prior import SetPrior
    from ..signal.ctf import CtfParameters
    from .model_file import Model
    from .views import Geometry

PIECE, PIECE_BYTES = 8, 2 << 20
"""Images, and about so many bytes of raw images, that one CPU thread denoises at a time."""

_ABOUT = 16.0
"""Å: standard deviation of the neighbourhood in which a network's answer counts as something."""
_FAINT = 0.04
"""In units of the background's sd: the strength at which it counts as half."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a batch of n images."""

    denoised: npt.NDArray[np.float32]
    """(n, box, box) in units of the raw background's sd, mean 0.

    Images that cannot be denoised are as they came."""
    unusable: npt.NDArray[np.bool_]
    """(n,) True for images that hold NaN or infinite values or whose background is constant."""
    confidence: npt.NDArray[np.float32]
    """(n,) expected correlation with the truth inside the particle's mask, 0 to 1; 0 for unusable
    images, NaN where none was asked for."""
    outliers: npt.NDArray[np.int64]
    """(n,) pixels that were replaced before the network saw them; see `images.outliers`."""


class Denoiser:
    """A model on a device, applied to batches of raw images.

    On a CPU each thread computes pieces of the batch alone: arithmetic that is shared by several
    threads rounds otherwise for each number of threads, and the result would depend on it.

    Parameters
    ----------
    model
        From `load_model`, on the device.
    device
        Where to compute.
    keep_noise
        Part A of the raw image in the result: (1 - A) denoised + A raw, outliers of it included.
    priors
        What sets of images have in common, by their geometry: the network's answer is then mixed
        with the best linear estimate of the set, as far as that can be trusted.
    fast
        Compile the network first, which takes about a minute; see `compiled`.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        keep_noise: float = 0.0,
        priors: Mapping[Geometry, SetPrior] | None = None,
        fast: bool = False,
    ) -> None:
        if not 0 <= keep_noise <= 1:
            raise IceblockError(f"keep-noise is {keep_noise} and must lie between 0 and 1.")
        self.model = model
        self.device = device
        self.keep_noise = keep_noise
        self.priors = {key: prior.to(device) for key, prior in (priors or {}).items()}
        self.bf16 = bf16_pays(device)
        self.calibration: Sequence[Sequence[float]] = TABLE
        if device.type == "cuda":  # same input, same bytes
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
        ready = _ready(model.generator, device, self.bf16)
        self._network = compiled(ready, device) if fast else ready
        self._threads = ThreadPoolExecutor(torch.get_num_threads())
        self._overlap = Overlap(device)
        self._most = sys.maxsize

    @property
    def overlaps(self) -> bool:
        """Whether it works on a batch that was begun while the next one is being begun."""
        return self._overlap.active

    def __call__(
        self,
        images: npt.NDArray[np.float32],
        pixel_size: float,
        contrast: int = 1,
        ctf: CtfParameters | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Denoise a batch.

        Parameters
        ----------
        images : (n, box, box) float32
            Raw particles, any scale.
        pixel_size
            Å.
        contrast
            1 for white particles, -1 for black ones (the result is black again).
        ctf
            n of them, for images of a set with a prior that was learned with CTFs, and for a model
            that reads them; NaN where one is not known.

        Returns
        -------
        denoised : (n, box, box) float32
            In units of the raw background's sd, mean 0. Images that cannot be denoised are
            returned as they came.
        unusable : (n,) bool
            True for images that hold NaN or infinite values or whose background is constant.
        """
        answer = self.answer(images, pixel_size, contrast, ctf)
        return answer.denoised, answer.unusable

    def with_confidence(
        self,
        images: npt.NDArray[np.float32],
        pixel_size: float,
        contrast: int = 1,
        ctf: CtfParameters | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
        """Denoise a batch, to the same images as a plain call, and tell how far to trust each.

        Parameters
        ----------
        images, pixel_size, contrast, ctf
            See `__call__`.

        Returns
        -------
        denoised, unusable
            See `__call__`.
        confidence : (n,) float32
            Expected correlation with the truth inside the particle's mask, 0 to 1, told from the
            agreement of the answers to `VIEWS` turned copies; 0 for unusable images.
        """
        answer = self.answer(images, pixel_size, contrast, ctf, confidence=True)
        return answer.denoised, answer.unusable, answer.confidence

    def answer(
        self,
        images: npt.NDArray[np.float32],
        pixel_size: float,
        contrast: int = 1,
        ctf: CtfParameters | None = None,
        *,
        confidence: bool = False,
    ) -> Answer:
        """Denoise a batch, and tell all that is known of the result.

        Parameters
        ----------
        images, pixel_size, contrast, ctf
            See `__call__`.
        confidence
            Tell how far to trust each image; it costs the network `VIEWS` passes.
        """
        return self.begin(images, pixel_size, contrast, ctf, confidence=confidence)()

    def begin(
        self,
        images: npt.NDArray[np.float32] | torch.Tensor,
        pixel_size: float,
        contrast: int = 1,
        ctf: CtfParameters | None = None,
        *,
        confidence: bool = False,
    ) -> Callable[[], Answer]:
        """Begin to denoise a batch; a GPU works on it while the next one is begun.

        Parameters
        ----------
        images, pixel_size, contrast, ctf, confidence
            See `answer`; images may be `pinned` already.

        Returns
        -------
        wait
            Gives the answer, when it is there.
        """
        views = VIEWS if confidence else 1
        images = pinned(images, self.device) if isinstance(images, np.ndarray) else images
        if self.device.type != "cpu":
            return self._denoise(images, pixel_size, contrast, ctf, views)
        size = max(1, min(PIECE, PIECE_BYTES // (4 * images.shape[-1] ** 2)))
        pieces = [slice(start, start + size) for start in range(0, len(images), size)]

        def piece(rows: slice) -> Answer:
            mine = None if ctf is None else ctf.take(np.arange(len(ctf))[rows])
            return self._denoise(images[rows], pixel_size, contrast, mine, views)()

        with one_thread_each():
            done = list(self._threads.map(piece, pieces))
        names = [field.name for field in fields(Answer)]
        whole = Answer(**{n: np.concatenate([getattr(part, n) for part in done]) for n in names})
        return lambda: whole

    @torch.inference_mode()
    def _denoise(
        self,
        images: torch.Tensor,
        pixel_size: float,
        contrast: int,
        ctf: CtfParameters | None,
        views: int,
    ) -> Callable[[], Answer]:
        """Denoise images; one view alone has no confidence (NaN)."""
        with self._overlap.ahead():  # here the CPU must wait, for what outliers there are
            raw = images.to(self.device, non_blocking=True)
            known, unusable = normalised(raw, contrast)
            clean, outliers = without_outliers(known.clone() if self.keep_noise else known)
        self._overlap.join(raw, known, clean, unusable, outliers)
        denoised, agreed = self._in_parts(clean, pixel_size, ctf, views)
        if self.keep_noise:
            denoised = torch.lerp(denoised, known, self.keep_noise)
        denoised = torch.where(unusable[:, None, None], raw, denoised * contrast)
        wait = self._overlap.fetch([denoised, unusable, agreed, outliers])

        def answer() -> Answer:
            image, none, alike, counts = wait()
            confidence = calibrated(alike, self.calibration) if views > 1 else alike
            return Answer(image, none, np.where(none, np.float32(0), confidence), counts)

        return answer

    def _in_parts(
        self, images: torch.Tensor, pixel_size: float, ctf: CtfParameters | None, views: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Denoise normalised images, in halves where the device's memory does not hold all."""
        parts: list[tuple[torch.Tensor, torch.Tensor]] = []
        start = 0
        while start < len(images):
            part = images[start : start + self._most]
            mine = None if ctf is None else ctf.take(np.arange(start, start + len(part)))
            try:
                parts.append(self._denoise_normalised(part, pixel_size, mine, views))
                start += len(part)
                continue
            except torch.OutOfMemoryError as error:
                if len(part) == 1:
                    raise IceblockError(
                        f"The memory of {self.device} does not hold one image of "
                        f"{images.shape[-1]} pixels: stop other programs that use this GPU, or "
                        "give --device cpu."
                    ) from error
            torch.cuda.empty_cache()  # after the error is gone, which holds what did not fit
            self._most = len(part) // 2
        if len(parts) == 1:
            return parts[0]
        denoised, agreed = zip(*parts, strict=True)
        return torch.cat(denoised), torch.cat(agreed)

    def _denoise_normalised(
        self, images: torch.Tensor, pixel_size: float, ctf: CtfParameters | None, views: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Denoise normalised images; gives the agreement of several views as well."""
        box = images.shape[-1]
        known = set_of(self.priors, box, pixel_size)
        if known is not None:  # all images of a set are shown alike
            ctf = None if ctf is None else ctf.with_pixels(known[1] / pixel_size)
            pixel_size = known[1]
        seen, sd = working_view(images, pixel_size, self.model.card.working_pixel_size)
        answers = self._answers(seen, box * pixel_size / seen.shape[-1], ctf, views)
        answer = answers[0] if known is None else _mixed(answers[0], seen, self.priors[known], ctf)
        denoised = fourier_resize(answer * sd, box)
        if views == 1:
            return denoised, denoised.new_full((len(images),), torch.nan)
        return denoised, agreement(answers, box * pixel_size / seen.shape[-1])

    def _answers(
        self, seen: torch.Tensor, pixel_size: float, ctf: CtfParameters | None, views: int
    ) -> list[torch.Tensor]:
        """Ask the network about (n, box, box) images, turned in several ways."""
        if not reads_ctf(self.model.generator):
            images = seen[:, None]
            return [
                turned(self._answer(turned(images, view))[:, 0], -view) for view in range(views)
            ]
        factor = torch.zeros(len(seen), 1, 1, device=seen.device)
        if ctf is not None:
            factor = ctf_factor(ctf, pixel_size, seen.shape[-1], seen.device)
        images = with_ctf_channel(seen, factor)
        return [
            joined_channels(turned(self._answer(turned(images, view)), -view), factor)
            for view in range(views)
        ]

    def _answer(self, images: torch.Tensor) -> torch.Tensor:
        """Apply the network to (n, channels, box, box) images."""
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            output: torch.Tensor = self._network(images)
        return output.float()


def _ready(generator: torch.nn.Module, device: torch.device, bf16: bool) -> torch.nn.Module:
    """Copy a network to a device, its convolutions' weights as autocast would round them."""
    network = copy.deepcopy(generator)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for layer in network.modules():
        if bf16 and isinstance(layer, torch.nn.Conv2d):
            layer.to(torch.bfloat16)
    return network


def _mixed(
    answer: torch.Tensor, seen: torch.Tensor, prior: SetPrior, ctf: CtfParameters | None
) -> torch.Tensor:
    """Mix the network's answer with the set's best linear estimate, up to the prior's Nyquist.

    The linear estimate lets some noise through around the particle, and the network does not. So
    the estimate is used only where the network shows something. An image without a CTF,
    where others have one, keeps the network's answer.
    """
    if ctf is not None and not ctf.known.all():
        rows = np.flatnonzero(ctf.known)
        if len(rows):
            mine = torch.from_numpy(rows).to(seen.device)
            mixed = _mixed(answer[mine], seen[mine], prior, ctf.take(rows))
            answer = answer.index_copy(0, mine, mixed)
        return answer
    view, sd = set_view(seen)
    low = fourier_resize(answer, prior.box)
    energy = smooth(low.square(), _ABOUT / prior.pixel_size).clamp(min=0)
    share = prior.trust() * energy / (energy + _FAINT**2)
    apart = share * (prior.estimate(view, ctf) * sd - low)
    return answer + fourier_resize(apart, seen.shape[-1])
