"""The rows of a comparison: every baseline, the networks that are trained here, and the models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch

from ...baselines.classical import classical_baselines
from ...baselines.same_pairs import OURS, RIVALS
from ...baselines.tuning import tune
from ...denoise.inference import Denoiser
from ...denoise.model_file import load_model
from ...denoise.shipped import find_model
from ...denoise.stacks import batch_size
from .training import Training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    from ...baselines.baseline import Baseline
    from ...evaluate.comparison import Kind, PairSet
    from .inputs import TrainingPairs


@dataclass(frozen=True)
class Fitted:
    """A method that is ready for a set."""

    denoise: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    """Takes noisy images and their truths, at which oracles alone look."""
    parameters: str = ""
    """As a table shows them."""
    remark: str = ""


class Method(Protocol):
    """A row of the table."""

    @property
    def name(self) -> str:
        """Of the row."""
        ...

    @property
    def kind(self) -> Kind:
        """See `core.evaluate.comparison`."""
        ...

    @property
    def note(self) -> str:
        """What a reader should know."""
        ...

    def fit(self, validation: PairSet) -> Fitted:
        """Choose parameters on pairs that are not scored."""
        ...


@dataclass(frozen=True)
class Truth:
    """The clean images themselves, for what the clustering of them reaches."""

    name: str = "truth"
    kind: Kind = "truth"
    note: str = "the clean images: what could be reached"

    def fit(self, validation: PairSet) -> Fitted:
        """Choose nothing."""
        return Fitted(lambda noisy, clean: clean)


@dataclass(frozen=True)
class Filter:
    """A baseline whose parameters are tuned for each set."""

    baseline: Baseline

    @property
    def name(self) -> str:
        """Of the row."""
        return self.baseline.name

    @property
    def kind(self) -> Kind:
        """See `core.evaluate.comparison`."""
        return self.baseline.kind

    @property
    def note(self) -> str:
        """What a reader should know."""
        return self.baseline.note

    def fit(self, validation: PairSet) -> Fitted:
        """Choose parameters on pairs that are not scored."""
        tuned = tune(self.baseline, validation.noisy, validation.clean, validation.mask)
        chosen = ", ".join(f"{name} {value:g}" for name, value in tuned.parameters.items())
        remark = ""
        if tuned.at_the_edge:
            remark = (
                f"{validation.name}, {self.name}: the best {' and '.join(tuned.at_the_edge)} lies "
                "at the end of what was tried."
            )
        return Fitted(tuned, chosen.replace("_", " "), remark)


@dataclass
class Network:
    """A network that was trained beforehand, or is trained when it is first needed."""

    name: str
    kind: Kind
    note: str
    load: Callable[[], Denoiser]
    _denoiser: Denoiser | None = field(default=None, init=False)

    @property
    def denoiser(self) -> Denoiser:
        """The network on its device."""
        if self._denoiser is None:
            self._denoiser = self.load()
        return self._denoiser

    def fit(self, validation: PairSet) -> Fitted:
        """Load or train the network; all that it knows it has from its training."""
        pixel_size = validation.pixel_size
        seen = self.denoiser.model.card.training.get("images")

        def denoise(noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
            size = batch_size(noisy.shape[-1], self.denoiser.device.type)
            parts = [
                torch.from_numpy(self.denoiser(part.cpu().numpy(), pixel_size)[0])
                for part in torch.split(noisy, size)
            ]
            return torch.cat(parts).to(noisy.device)

        return Fitted(denoise, f"trained on {seen} images" if seen else "")


def list_methods(
    models: dict[str, str],
    steps: int,
    pairs: Callable[[], TrainingPairs],
    folder: Path,
    device: torch.device,
    seed: int,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
) -> tuple[list[Method], list[str]]:
    """List all rows in the order of the table.

    Parameters
    ----------
    models
        Names of rows, and shipped names or files of models; the first is ours.
    steps
        Of the networks that are trained here; 0 leaves them out.
    pairs
        Gives their training pairs.
    folder
        Gets their checkpoints.
    device
        Where networks are trained and run.
    seed
        Of the training.
    progress
        Where the progress of the training goes; None for silence.
    heartbeat
        Called after every step of training; may raise to stop the run.

    Returns
    -------
    methods
        Nothing is trained before it is needed.
    remarks
        Sentences on what is left out.
    """
    classical, remarks = classical_baselines()
    trivial = [Filter(b) for b in classical if b.kind == "trivial"]
    filters = [Filter(b) for b in classical if b.kind != "trivial"]
    trained: list[Network] = []
    if steps:
        for recipe in (*RIVALS, OURS):
            loader = Training(recipe, steps, pairs, folder, device, seed, progress, heartbeat)
            kind: Kind = "ours" if recipe is OURS else "trained"
            trained.append(Network(recipe.name, kind, recipe.note, loader))
    else:
        names = ", ".join(recipe.name for recipe in (*RIVALS, OURS))
        remarks.append(f"Left out, since no training was asked for (--train-steps 0): {names}.")
    ours = [_given(name, place, device) for name, place in models.items()]
    return [Truth(), *trivial, *filters, *trained[:-1], *ours, *trained[-1:]], remarks


def _given(name: str, place: str, device: torch.device) -> Network:
    model = load_model(find_model(place), device)
    note = f"{model.card.name}, {model.sha256[:12]}"
    return Network(name, "ours", note, lambda: Denoiser(model, device))
