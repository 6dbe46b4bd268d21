"""A network as a row of a comparison, alone or together with what the set teaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from ...compare.scores import Kind
from ...denoise.batches import batch_size
from ...denoise.inference import Denoiser
from ...denoise.known_set import KnownSet
from ...denoise.set_learning import learn_set
from ...denoise.views import Geometry
from ...signal.ctf import CtfParameters
from .inputs import Sheet
from .method import UNLEARNED, Fitted


@dataclass
class Network:
    """A network that was trained beforehand, or is trained when it is first needed."""

    name: str
    kind: Kind
    note: str
    load: Callable[[], Denoiser]
    in_set: bool = False
    """Whether it is mixed with what the whole set teaches, as `iceblock denoise` does."""
    _denoiser: Denoiser | None = field(default=None, init=False)

    @property
    def denoiser(self) -> Denoiser:
        """The network on its device."""
        if self._denoiser is None:
            self._denoiser = self.load()
        return self._denoiser

    def fit(self, sheet: Sheet) -> Fitted:
        """Load or train the network, and learn from the set if it is asked to."""
        pixel_size = sheet.scored.pixel_size
        denoiser, remark = self.denoiser, ""
        images = denoiser.model.card.training.get("images")
        words = [f"trained on {images} images"] if images else []
        if self.in_set:
            sets = _learned(sheet, denoiser)
            denoiser = Denoiser(denoiser.model, denoiser.device, sets=sets)
            words += [f"set of {known.prior.count}" for known in sets.values()]
            remark = "" if sets else UNLEARNED

        def denoise(
            noisy: torch.Tensor, clean: torch.Tensor, ctf: CtfParameters | None
        ) -> torch.Tensor:
            size = batch_size(noisy.shape[-1], denoiser.device.type)
            pieces = np.array_split(np.arange(len(noisy)), max(1, -(-len(noisy) // size)))
            parts = [
                denoiser(noisy[rows].cpu().numpy(), pixel_size, 1, ctf and ctf.take(rows))[0]
                for rows in pieces
            ]
            return torch.from_numpy(np.concatenate(parts)).to(noisy.device)

        return Fitted(denoise, ", ".join(words), remark)


def _learned(sheet: Sheet, denoiser: Denoiser) -> dict[Geometry, KnownSet]:
    """Learn what the images of a whole set have in common."""
    if sheet.whole is None:
        return {}
    whole = sheet.whole
    return learn_set(denoiser, whole.noisy.cpu().numpy(), whole.pixel_size, whole.ctf)
