"""Denoising of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..compute.device import choose_device
from ..denoise.batches import batch_size, batches
from ..denoise.given import Given
from ..denoise.inference import Denoiser as _Denoiser
from ..denoise.model_file import Model
from ..denoise.model_file import load_model as _load_model
from ..denoise.pipeline import in_turn
from ..denoise.set_learning import learn_set
from ..denoise.shipped import DEFAULT, find_model
from ..errors import IceblockError
from ..runs.denoise.learning import MOST
from ..sets.covariance.learn import FEWEST
from ..signal.ctf import CtfParameters

Images = npt.NDArray[np.float32]


def load_model(model: Path | str = DEFAULT, device: str = "auto") -> Model:
    """Load a denoising model.

    Parameters
    ----------
    model
        Name of a model that ships with iceblock, or a model file (.safetensors).
    device
        auto, cpu, cuda or cuda:N.

    Raises
    ------
    IceblockError
        If there is no such model or device.
    """
    return _load_model(find_model(str(model)), choose_device(device))


class Denoiser:
    """A model, ready to denoise arrays of particles.

    Parameters
    ----------
    model
        From `load_model`, or what `load_model` takes; the shipped model that reads the CTF by
        default. For images without CTFs iceblock-4A is a little better.
    device
        auto, cpu, cuda or cuda:N.
    contrast
        Whether the particles are white, as RELION extracts them, or black.
    keep_noise
        Part A of the raw image in the result: (1 - A) denoised + A raw, 0 to 1.
    """

    def __init__(
        self,
        model: Model | Path | str = DEFAULT,
        device: str = "auto",
        contrast: Literal["white", "black"] = "white",
        keep_noise: float = 0.0,
    ) -> None:
        if contrast not in ("white", "black"):
            raise IceblockError(f"contrast is {contrast!r} and must be white or black.")
        self.model = model if isinstance(model, Model) else load_model(model, device)
        self._device, self._keep_noise = choose_device(device), keep_noise
        self._sign = 1 if contrast == "white" else -1
        self._denoiser = _Denoiser(self.model, self._device, keep_noise)

    def learn(
        self,
        images: Images,
        pixel_size: float,
        ctf: CtfParameters | None = None,
        *,
        volumes: Sequence[Path | str] = (),
        classes: Path | str | None = None,
    ) -> bool:
        """Learn what the images of a set have in common, as `iceblock denoise` does first.

        Images of the same box and pixel size are denoised better afterwards. A later call takes
        the place of an earlier one.

        Parameters
        ----------
        images, pixel_size, ctf
            See `__call__`; 100 images or more. The structure is learned from 20,000 at most.
        volumes, classes
            What is known of the particles: maps or atomic models, and a file of class averages, as
            `iceblock denoise` takes them. They count as far as the images prove them.

        Returns
        -------
        learned
            False where the images are too few or show nothing beside noise.
        """
        images = _checked(images, pixel_size, ctf)
        given = Given([Path(path) for path in volumes], None if classes is None else Path(classes))
        given.check(pixel_size)
        rows = np.arange(len(images)) if ctf is None else np.flatnonzero(ctf.known)
        if len(rows) > MOST:
            rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(int)]
        if len(rows) < FEWEST:
            return False
        mine = None if ctf is None else ctf.take(rows)
        sets = learn_set(self._denoiser, images[rows], pixel_size, mine, self._sign, given)
        for known in sets.values():
            given.tell_unused(list(known.views))
        self._denoiser = _Denoiser(self.model, self._device, self._keep_noise, sets)
        return bool(sets)

    def __call__(
        self, images: Images, pixel_size: float, ctf: CtfParameters | None = None
    ) -> Images:
        """Denoise raw images.

        Parameters
        ----------
        images : (n, box, box)
            Raw particles of any scale.
        pixel_size
            Å.
        ctf
            n CTFs, where they are known. They are used after `learn` was given CTFs, and by models
            that read them; NaN for an image whose CTF is not known.

        Returns
        -------
        denoised : (n, box, box) float32
            In units of the standard deviation of the raw background, mean 0. Images that cannot be
            denoised (NaN, or a constant background) are returned as they came.

        Raises
        ------
        IceblockError
            If the arrays do not have these shapes.
        """
        return self._answered(images, pixel_size, ctf, confidence=False)[0]

    def with_confidence(
        self, images: Images, pixel_size: float, ctf: CtfParameters | None = None
    ) -> tuple[Images, Images]:
        """Denoise raw images to the same result, and tell how far to trust each.

        Parameters
        ----------
        images, pixel_size, ctf
            See `__call__`; unless `learn` has learned a set, it takes about four times as long.

        Returns
        -------
        denoised : (n, box, box) float32
            See `__call__`.
        confidence : (n,) float32
            Expected correlation with the truth inside the particle, 0 to 1; 0 for images that
            cannot be denoised.
        """
        return self._answered(images, pixel_size, ctf, confidence=True)

    def _answered(
        self, images: Images, pixel_size: float, ctf: CtfParameters | None, confidence: bool
    ) -> tuple[Images, Images]:
        images = _checked(images, pixel_size, ctf)
        size = batch_size(images.shape[-1], self._device.type)
        denoised = np.empty_like(images)
        trust = np.empty(len(images), dtype=np.float32)
        parts = list(batches(np.arange(len(images)), size))
        given = (
            (images[rows], pixel_size, self._sign, None if ctf is None else ctf.take(rows))
            for rows in parts
        )
        with closing(in_turn(self._denoiser, given, confidence=confidence)) as answers:
            for rows, answer in zip(parts, answers, strict=True):
                denoised[rows], trust[rows] = answer.denoised, answer.confidence
        return denoised, trust


def _checked(images: Images, pixel_size: float, ctf: CtfParameters | None) -> Images:
    """Give images as the network takes them, or say what is wrong with them."""
    images = np.ascontiguousarray(images, dtype=np.float32)
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise IceblockError(f"the images have the shape {images.shape}; give (n, box, box)")
    if not (np.isfinite(pixel_size) and pixel_size > 0):
        raise IceblockError(f"the pixel size {pixel_size:g} is not above 0; give it in Å")
    if ctf is not None and len(ctf) != len(images):
        raise IceblockError(f"there are {len(images)} images and {len(ctf)} CTFs; give one each")
    return images
