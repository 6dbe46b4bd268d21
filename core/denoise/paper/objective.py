"""What the generator learns from: Eq. 8, its parts weighed, with the discriminator beside it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ..training.batches import Batch
from .adversary import Adversary
from .losses import LossSettings, pixel_error
from .perceptual import PerceptualLoss, gradient_ratio, load_features

ENDS = (0.001, 0.999)
"""Quantiles of the clean images' grey values that the perceptual network sees as 0 and 1."""


class Objective:
    """The loss of the generator.

    Parameters
    ----------
    settings
        Its parts.
    adversary
        The discriminator, where there is one.
    device, bf16
        Where and how to compute.
    vgg19
        Weights of the perceptual network of that name.
    """

    def __init__(
        self,
        settings: LossSettings,
        adversary: Adversary | None,
        device: torch.device,
        bf16: bool,
        vgg19: Path | None = None,
    ) -> None:
        self.settings = settings
        self.adversary = adversary
        self.device = device
        self.bf16 = bf16
        self.vgg19 = vgg19
        self.perceptual_weight = settings.perceptual_weight or 0.0
        self._perceptual: PerceptualLoss | None = None

    def load_perceptual(self, span: tuple[float, float], weight: float) -> None:
        """Load the perceptual network for a range of grey values, with its weight λ2."""
        network = load_features(self.settings.perceptual, span, self.vgg19)
        if network is not None:
            loss = PerceptualLoss(network, self.settings.perceptual_constant)
            self._perceptual = loss.to(self.device)
        self.perceptual_weight = weight

    def calibrate(self, batch: Batch, network: nn.Module) -> tuple[tuple[float, float], float]:
        """Measure what the perceptual loss needs, and load it.

        Parameters
        ----------
        batch
            Pairs that are the same for all processes.
        network
            The generator as it is now.

        Returns
        -------
        span
            Range of the clean images' grey values.
        weight
            λ2: as given, or such that the gradient at the output is `perceptual_share` of that of
            the pixels' loss.
        """
        s = self.settings
        ends = torch.tensor(ENDS, device=self.device)
        # quantile takes at most 16 million values
        low, high = torch.quantile(batch.clean.flatten()[: 1 << 24], ends).tolist()
        span = (low, high) if high > low else (-1.0, 1.0)
        self.load_perceptual(span, s.perceptual_weight or 0.0)
        if s.perceptual_weight is None and self._perceptual is not None:
            with torch.no_grad():
                output = batch.answer(network(batch.noisy))
            output = output.requires_grad_()
            pixel = s.pixel_weight * pixel_error(output[:, 0], batch.clean, batch.snr, s)
            perceptual = self._perceptual(output, batch.clean[:, None])
            ratio = gradient_ratio(pixel, perceptual, output)
            self.perceptual_weight = s.perceptual_share * ratio
        return span, self.perceptual_weight

    def __call__(
        self, batch: Batch, output: torch.Tensor, step: int, learning_rate: float
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Let the discriminator learn, and judge the generator's answer.

        Parameters
        ----------
        batch
            What the generator was given and what was wanted.
        output : (n, 1, box, box) float32
            Its answer.
        step, learning_rate
            Of the generator.

        Returns
        -------
        total
            To be made small.
        parts
            For the record, detached: `loss` (the total), `pixel`, `zero` (that of an all-zero
            answer), `perceptual`, `adversarial`, and the discriminator's.
        """
        s, clean = self.settings, batch.clean[:, None]
        parts: dict[str, torch.Tensor] = {}
        total = output.new_zeros(())
        if s.has_pixels:
            pixel = pixel_error(output[:, 0], batch.clean, batch.snr, s)
            parts["pixel"] = pixel.detach()
            parts["zero"] = pixel_error(torch.zeros_like(batch.clean), batch.clean, batch.snr, s)
            total = total + s.pixel_weight * pixel
        if self._perceptual is not None:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
                perceptual = self._perceptual(output, clean)
            parts["perceptual"] = perceptual.detach()
            total = total + self.perceptual_weight * perceptual
        if self.adversary is not None and step >= s.adversarial_start:
            parts |= self.adversary.learn(batch.noisy, clean, output.detach(), learning_rate)
            adversarial = self.adversary.judge(batch.noisy, output)
            parts["adversarial"] = adversarial.detach()
            total = total + s.adversarial * adversarial
        return total, {"loss": total.detach(), **parts}
