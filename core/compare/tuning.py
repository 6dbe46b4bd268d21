"""The choice of a baseline's parameters, on pairs that are not scored."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..signal.agreement import masked_correlation
from .filters import Baseline, Parameters


@dataclass(frozen=True)
class Tuned:
    """A baseline with its best parameters."""

    baseline: Baseline
    parameters: Parameters
    correlation: float
    """Mean masked correlation on the pairs that it was tuned on."""
    at_the_edge: tuple[str, ...]
    """Parameters whose best value is the least or the largest of the grid's."""

    def __call__(self, noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """Denoise (n, box, box) images; only an oracle looks at the clean ones."""
        return self.baseline(noisy, clean, self.parameters)


def tune(baseline: Baseline, noisy: torch.Tensor, clean: torch.Tensor, mask: torch.Tensor) -> Tuned:
    """Choose the parameters that give the best mean masked correlation.

    Parameters
    ----------
    baseline
        With its grid.
    noisy, clean, mask : (n, box, box)
        Validation pairs.
    """

    def correlation(parameters: Parameters) -> float:
        return float(masked_correlation(baseline(noisy, clean, parameters), clean, mask).mean())

    scores = [correlation(parameters) for parameters in baseline.grid]
    best = max(range(len(scores)), key=scores.__getitem__)
    return Tuned(baseline, baseline.grid[best], scores[best], _at_the_edge(baseline, best))


def _at_the_edge(baseline: Baseline, best: int) -> tuple[str, ...]:
    names = []
    for name, value in baseline.grid[best].items():
        values = {parameters[name] for parameters in baseline.grid}
        if len(values) > 1 and value in (min(values), max(values)):
            names.append(name)
    return tuple(names)
