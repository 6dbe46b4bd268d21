"""Denoising of arrays: normalise, bring to the working pixel size, run the network, go back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import numpy.typing as npt
import torch

from ..compute.overlap import Overlap, pinned
from ..compute.portions import Portions
from ..compute.threads import one_thread_each
from ..errors import IceblockError
from ..signal.ctf import CtfParameters
from ..signal.fourier import fourier_resize
from ..signal.outliers import without_outliers
from .answer import Answer
from .confidence import TABLE, VIEWS, agreement, calibrated
from .estimators.estimator import Seen, keys_of
from .estimators.network import Network
from .known_set import KnownSet
from .model_file import Model
from .views import Geometry, normalised, set_of, working_view

PIECE, PIECE_BYTES = 32, 8 << 20
"""Images, and about so many bytes of raw images, that one CPU thread denoises at a time."""
BY_SET = 0
"""Views of each image where its set tells the confidence."""


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
    sets
        What is known of sets of images, by their geometry: the network's answer is then put
        together with the set's own estimates, by weights that the set itself tells.
    fast
        Compile the network first, which takes about a minute; see `compiled`.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        keep_noise: float = 0.0,
        sets: Mapping[Geometry, KnownSet] | None = None,
        fast: bool = False,
    ) -> None:
        if not 0 <= keep_noise <= 1:
            raise IceblockError(f"keep-noise is {keep_noise} and must lie between 0 and 1.")
        self.model = model
        self.device = device
        self.keep_noise = keep_noise
        self.sets = {key: known.to(device) for key, known in (sets or {}).items()}
        self.calibration: Sequence[Sequence[float]] = TABLE
        if device.type == "cuda":  # same input, same bytes
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
        self.network = Network(model.generator, device, fast)
        self.threads = torch.get_num_threads()
        self._threads = ThreadPoolExecutor(self.threads)
        self._overlap = Overlap(device)
        self.portions = Portions(device)

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
            n of them, for images of a set that was learned with CTFs, and for a model that reads
            them; NaN where one is not known.

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
            Tell how far to trust each image. What is known of its set tells it of the result; else
            the agreement of the answers to `VIEWS` turned copies, each a pass through the network.
            The images are the same.
        """
        with one_thread_each():
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
        """Begin to denoise a batch, under `one_thread_each`; see `pipeline.in_turn`.

        Parameters
        ----------
        images, pixel_size, contrast, ctf, confidence
            See `answer`; images may be `pinned` already.

        Returns
        -------
        wait
            Gives the answer, when it is there.
        """
        known = set_of(self.sets, images.shape[-1], pixel_size)
        own = known is not None and self.sets[known].confidence is not None
        views = (BY_SET if own else VIEWS) if confidence else 1
        images = pinned(images, self.device) if isinstance(images, np.ndarray) else images
        if self.device.type != "cpu":
            return self._denoise(images, pixel_size, contrast, ctf, views)
        size = max(1, min(PIECE, PIECE_BYTES // (4 * images.shape[-1] ** 2)))
        pieces = [slice(start, start + size) for start in range(0, len(images), size)]

        def piece(rows: slice) -> Answer:
            mine = None if ctf is None else ctf.take(np.arange(len(ctf))[rows])
            return self._denoise(images[rows], pixel_size, contrast, mine, views)()

        coming = self._threads.map(piece, pieces)

        def whole() -> Answer:
            done = list(coming)
            names = [field.name for field in fields(Answer)]
            return Answer(**{n: np.concatenate([getattr(p, n) for p in done]) for n in names})

        return whole

    @torch.inference_mode()
    def _denoise(
        self,
        images: torch.Tensor,
        pixel_size: float,
        contrast: int,
        ctf: CtfParameters | None,
        views: int,
    ) -> Callable[[], Answer]:
        """Denoise images; one view alone has no confidence (NaN), `BY_SET` asks the set."""
        keys = keys_of(images.numpy())
        with self._overlap.ahead():  # here the CPU must wait, for what outliers there are
            raw = images.to(self.device, non_blocking=True)
            known, unusable = normalised(raw, contrast)
            clean, outliers = without_outliers(known.clone() if self.keep_noise else known)
        self._overlap.join(raw, known, clean, unusable, outliers)
        denoised, agreed = self._in_portions(clean, pixel_size, ctf, keys, views)
        if self.keep_noise:
            denoised = torch.lerp(denoised, known, self.keep_noise)
        denoised = torch.where(unusable[:, None, None], raw, denoised * contrast)
        wait = self._overlap.fetch([denoised, unusable, agreed, outliers])

        def answer() -> Answer:
            image, none, alike, counts = wait()
            confidence = calibrated(alike, self.calibration) if views > 1 else alike
            return Answer(image, none, np.where(none, np.float32(0), confidence), counts)

        return answer

    def _in_portions(
        self,
        images: torch.Tensor,
        pixel_size: float,
        ctf: CtfParameters | None,
        keys: torch.Tensor,
        views: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Denoise normalised images, as many at a time as the device's memory holds."""

        def portion(rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
            mine = None if ctf is None else ctf.take(np.arange(len(ctf))[rows])
            return self._denoise_normalised(images[rows], pixel_size, mine, keys[rows], views)

        one = f"one image of {images.shape[-1]} pixels"
        parts = self.portions.each(len(images), portion, one)
        if len(parts) == 1:
            return parts[0]
        denoised, agreed = zip(*parts, strict=True)
        return torch.cat(denoised), torch.cat(agreed)

    def _denoise_normalised(
        self,
        images: torch.Tensor,
        pixel_size: float,
        ctf: CtfParameters | None,
        keys: torch.Tensor,
        views: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Denoise normalised images; gives confidences or the agreement of several views, too."""
        box = images.shape[-1]
        known = set_of(self.sets, box, pixel_size)
        if known is not None:  # all images of a set are shown alike
            ctf = None if ctf is None else ctf.with_pixels(known[1] / pixel_size)
            pixel_size = known[1]
        seen, sd = working_view(images, pixel_size, self.model.card.working_pixel_size)
        shown = Seen(seen, box * pixel_size / seen.shape[-1], ctf, keys.to(seen.device))
        answers = self.network.answers(shown, max(views, 1))
        answer, trust = answers[0], answers[0].new_full((len(images),), torch.nan)
        if known is not None:
            answer, trust = self.sets[known].judged(answer, shown, views == BY_SET)
        denoised = fourier_resize(answer * sd, box)
        if views > 1:
            trust = agreement(answers, box * pixel_size / seen.shape[-1])
        return denoised, trust
