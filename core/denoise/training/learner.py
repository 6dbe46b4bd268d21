"""What one step of a training changes: the generator, its average, its optimizer and its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from ...compute.distributed import Ranks
from ..paper.adversary import Adversary
from ..paper.objective import Objective
from .average import RunningAverage
from .batches import Batch
from .checkpoint import State, Tensors, optimizer_tensors, restore_optimizer
from .presets import Preset


class Learner:
    """A generator that learns from batches.

    Parameters
    ----------
    preset
        The network, its loss, and how it is trained.
    start
        Weights to start from, as a generator's state; None for random ones.
    device
        Where to compute.
    ranks
        Processes that train together.
    """

    def __init__(
        self,
        preset: Preset,
        start: Mapping[str, torch.Tensor] | None,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        config, loss = preset.training, preset.loss
        torch.manual_seed(config.seed)
        self.config, self.device, self.ranks = config, device, ranks
        self.generator = preset.generator.build()
        if start is not None:
            self.generator.load_state_dict(dict(start))
        self.generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = RunningAverage(self.generator, config.ema, ramp=start is None)
        self.optimizer = torch.optim.AdamW(
            self.generator.parameters(),
            lr=1.0,
            betas=config.betas,
            weight_decay=config.weight_decay,
        )
        adversary = Adversary(loss, config, device, ranks) if loss.adversarial else None
        self.objective = Objective(loss, adversary, device, config.bf16, preset.vgg19)
        network: torch.nn.Module = self.generator
        if config.compile:
            network = torch.compile(network)  # type: ignore[assignment]
        self._network = ranks.share(network, device)

    def weigh_perceptual(self, state: State, draw: Callable[[], Batch]) -> str | None:
        """Fix the perceptual network's range of grey values and its weight, once for a run.

        Parameters
        ----------
        state
            Keeps what was found; what it has already is taken.
        draw
            Gives pairs that are the same for all processes.

        Returns
        -------
        sentence
            For the user, where a weight was measured.
        """
        if state.span is not None and state.perceptual_weight is not None:
            self.objective.load_perceptual(state.span, state.perceptual_weight)
            return None
        span, weight = self.objective.calibrate(draw(), self.generator)
        low, high, weight = self.ranks.agree([*span, weight], self.device)
        self.objective.load_perceptual((low, high), weight)
        state.span, state.perceptual_weight = (low, high), weight
        loss = self.objective.settings
        if loss.perceptual_weight is not None:
            return None
        return (
            f"The perceptual loss ({loss.perceptual}) has the weight {weight:.3g}: at the output "
            f"its gradient is {loss.perceptual_share:g} times that of the pixels' loss."
        )

    def learn(self, batch: Batch, step: int, learning_rate: float) -> dict[str, torch.Tensor]:
        """Take a step; gives its losses, and the norm of its `gradient`."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            output = self._network(batch.noisy)
        total, parts = self.objective(batch, batch.answer(output), step, learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.generator.parameters(), self.config.clip)
        self.optimizer.step()
        self.average.update(self.generator, step)
        return {**parts, "gradient": norm}

    def tensors(self) -> dict[str, Tensors]:
        """Weights and moments, for a checkpoint."""
        adversary = self.objective.adversary
        return {
            "generator": self.generator.state_dict(),
            "average": self.average.network.state_dict(),
            "optimizer": optimizer_tensors(self.optimizer),
            **(adversary.tensors() if adversary is not None else {}),
        }

    def restore(self, parts: dict[str, Tensors]) -> None:
        """Put weights and moments back."""
        self.generator.load_state_dict(parts["generator"])
        self.average.network.load_state_dict(parts["average"])
        restore_optimizer(self.optimizer, parts.get("optimizer", {}))
        if self.objective.adversary is not None:
            self.objective.adversary.restore(parts)
