"""The discriminator in training: it learns beside the generator and judges its answers."""

from __future__ import annotations

import torch
from torch import nn

from ...compute.distributed import Ranks
from ..training.checkpoint import Tensors, optimizer_tensors, restore_optimizer
from ..training.config import TrainingConfig
from .discriminator import Discriminator
from .losses import LossSettings, discriminator_loss, generator_loss


class _BothSides(nn.Module):
    """Judges clean and denoised images in one call, each in a batch of their own."""

    def __init__(self, network: Discriminator) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, noisy: torch.Tensor, clean: torch.Tensor, output: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.network(noisy, clean), self.network(noisy, output)


class Adversary:
    """A discriminator with its optimizer.

    Parameters
    ----------
    settings
        Its shape, and its learning rate over the generator's.
    config
        How the generator is trained, and so the discriminator.
    device
        Where to compute.
    ranks
        Who trains together.
    """

    def __init__(
        self,
        settings: LossSettings,
        config: TrainingConfig,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        self.network = Discriminator(settings.discriminator)
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=1.0,
            betas=config.betas,
            weight_decay=config.weight_decay,
        )
        self.rate = settings.discriminator_rate
        self.clip = config.clip
        self.device = device
        self.bf16 = config.bf16
        self._both = ranks.share(_BothSides(self.network), device)

    def learn(
        self, noisy: torch.Tensor, clean: torch.Tensor, output: torch.Tensor, learning_rate: float
    ) -> dict[str, torch.Tensor]:
        """Take one step towards telling clean from denoised images.

        Parameters
        ----------
        noisy, clean, output : (n, 1, y, x)
            What the generator was given, what was wanted, and what it gave, detached.
        learning_rate
            The generator's.

        Returns
        -------
        losses
            `discriminator`: Eq. 5; `real`, `fake`: mean probability of "clean" for either side.
        """
        self.network.requires_grad_(True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            real, fake = self._both(noisy, clean, output)
        real, fake = real.float(), fake.float()
        loss = discriminator_loss(real, fake)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimizer.step()
        return {
            "discriminator": loss.detach(),
            "real": real.detach().sigmoid().mean(),
            "fake": fake.detach().sigmoid().mean(),
        }

    def judge(self, noisy: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """Give the generator's side of Eq. 5; gradients go to `output` alone."""
        self.network.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self.network(noisy, output)
        return generator_loss(logits.float())

    def tensors(self) -> dict[str, Tensors]:
        """Weights and moments, for a checkpoint."""
        return {
            "discriminator": self.network.state_dict(),
            "discriminator_optimizer": optimizer_tensors(self.optimizer),
        }

    def restore(self, parts: dict[str, Tensors]) -> None:
        """Put weights and moments back."""
        self.network.load_state_dict(parts["discriminator"])
        restore_optimizer(self.optimizer, parts.get("discriminator_optimizer", {}))
