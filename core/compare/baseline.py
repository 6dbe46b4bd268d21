"""What every baseline is: a way of denoising, with a small grid of parameters to be tuned on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

Parameters = dict[str, float]
Kind = Literal["trivial", "filter", "oracle"]


@dataclass(frozen=True)
class Baseline:
    """A method that is not trained.

    Images are normalised on their background: the noise has a standard deviation of about 1.
    """

    name: str
    apply: Callable[..., torch.Tensor]
    """Takes (n, box, box) noisy images, an oracle the clean ones after them, and the parameters by
    name; returns (n, box, box)."""
    grid: tuple[Parameters, ...] = ({},)
    """Parameters to choose from; names tell units."""
    kind: Kind = "filter"
    note: str = ""
    """What a reader of the table should know."""

    def __call__(
        self, noisy: torch.Tensor, clean: torch.Tensor, parameters: Parameters
    ) -> torch.Tensor:
        """Denoise images; only an oracle looks at the clean ones."""
        given = (noisy, clean) if self.kind == "oracle" else (noisy,)
        return self.apply(*given, **parameters)


def combinations(**values: tuple[float, ...]) -> tuple[Parameters, ...]:
    """Give every combination of the values of named parameters."""
    return tuple(
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    )
