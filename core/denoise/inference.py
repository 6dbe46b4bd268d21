"""Denoising of arrays: normalise, bring to the working pixel size, run the network, go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..errors import IceblockError
from ..images.background import ring_statistics
from ..images.fourier import fourier_resize
from ..images.validation import SMALLEST_BOX

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .model_file import Model


def choose_device(name: str) -> torch.device:
    """Turn auto, cpu, cuda or cuda:N into a device that is there.

    Raises
    ------
    IceblockError
        If the device was asked for by name and is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise IceblockError(f"Unknown device {name!r}: give auto, cpu, cuda or cuda:N.") from error
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise IceblockError(f"Device {name!r} is not supported: give auto, cpu, cuda or cuda:N.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (device.index or 0) >= count:
        raise IceblockError(
            f"Device {name!r} is not there ({count} CUDA devices are visible to torch "
            f"{torch.__version__}): give --device cpu, or install a torch built for your GPU."
        )
    return device


def bf16_pays(device: torch.device) -> bool:
    """Whether bfloat16 arithmetic is native on the device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.backends.cpu.get_cpu_capability()
    has_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
    return capabilities.startswith("AVX512") and bool(has_bf16)


def working_box(box: int, pixel_size: float, working_pixel_size: float) -> int:
    """Box at which the network sees an image, a multiple of 4 where the image is cropped.

    It is rounded down: the network sees the working pixel size or a little more, never less, which
    would cost time and show it what it was not trained for.

    Parameters
    ----------
    box
        Pixels.
    pixel_size, working_pixel_size
        Å. Images that are coarser than the working pixel size keep their box.
    """
    wanted = 4 * int(box * pixel_size / working_pixel_size / 4)
    return min(box, max(SMALLEST_BOX, wanted))


class Denoiser:
    """A model on a device, applied to batches of raw images.

    Parameters
    ----------
    model
        From `load_model`, on the device.
    device
        Where to compute.
    keep_noise
        Part A of the raw image in the result: (1 - A) denoised + A raw.
    """

    def __init__(self, model: Model, device: torch.device, keep_noise: float = 0.0) -> None:
        if not 0 <= keep_noise <= 1:
            raise IceblockError(f"keep-noise is {keep_noise} and must lie between 0 and 1.")
        self.model = model
        self.device = device
        self.keep_noise = keep_noise
        self.bf16 = bf16_pays(device)
        if device.type == "cuda":  # same input, same bytes
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
        self._network = model.generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(
        self, images: npt.NDArray[np.float32], pixel_size: float, contrast: int = 1
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

        Returns
        -------
        denoised : (n, box, box) float32
            In units of the raw background's sd, mean 0. Images that cannot be denoised are
            returned as they came.
        unusable : (n,) bool
            True for images that hold NaN or infinite values or whose background is constant.
        """
        raw = torch.from_numpy(images).to(self.device, non_blocking=True)
        mean, sd = ring_statistics(raw)
        # A constant background has a tiny sd by rounding.
        usable_sd = torch.isfinite(sd) & (sd > 1e-6 * mean.abs()) & (sd > 0)
        unusable = ~(torch.isfinite(raw).all(dim=(1, 2)) & usable_sd[:, 0, 0])
        normalised = (raw - mean) * (contrast / sd)
        normalised = torch.where(unusable[:, None, None], 0.0, normalised)
        denoised = self._denoise_normalised(normalised, pixel_size)
        if self.keep_noise:
            denoised = torch.lerp(denoised, normalised, self.keep_noise)
        denoised = torch.where(unusable[:, None, None], raw, denoised * contrast)
        return denoised.cpu().numpy(), unusable.cpu().numpy()

    def _denoise_normalised(self, images: torch.Tensor, pixel_size: float) -> torch.Tensor:
        box = images.shape[-1]
        small = fourier_resize(
            images, working_box(box, pixel_size, self.model.card.working_pixel_size)
        )
        mean, sd = ring_statistics(small)
        sd = torch.where(sd > 0, sd, 1.0)
        seen = ((small - mean) / sd)[:, None].contiguous(memory_format=torch.channels_last)
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                output = self._network(seen)
        except torch.OutOfMemoryError as error:
            raise IceblockError(
                f"The memory of {self.device} does not hold a batch of {len(images)} images: give "
                "a smaller --batch-size (label batch_size in RELION)."
            ) from error
        return fourier_resize(output[:, 0].float() * sd, box)
