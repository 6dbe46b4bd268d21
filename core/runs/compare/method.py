"""What a row of a comparison is: a method that is made ready for each set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from ...compare.scores import Kind
from ...signal.ctf import CtfParameters
from .inputs import Sheet

Denoise = Callable[[torch.Tensor, torch.Tensor, CtfParameters | None], torch.Tensor]

UNLEARNED = "The set is too small to learn from, or it was left out."


@dataclass(frozen=True)
class Fitted:
    """A method that is ready for a set."""

    denoise: Denoise
    """Takes noisy images, their truths, at which oracles alone look, and their CTFs."""
    parameters: str = ""
    """As a table shows them."""
    remark: str = ""


class Method(Protocol):
    """A row of the table."""

    @property
    def name(self) -> str:
        """Name of the row."""
        ...

    @property
    def kind(self) -> Kind:
        """See `core.compare.scores`."""
        ...

    @property
    def note(self) -> str:
        """What a reader should know."""
        ...

    def fit(self, sheet: Sheet) -> Fitted:
        """Choose parameters on pairs that are not scored."""
        ...
