"""The rows of a comparison: every baseline, the networks that are trained here, and the models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...compare.filters import Baseline, classical_baselines
from ...compare.networks import OURS, RIVALS
from ...compare.scores import Kind
from ...compare.tuning import tune
from ...console import Console
from ...denoise.inference import Denoiser
from ...denoise.model_file import load_model
from ...denoise.set_learning import learn_prior, linear_estimate
from ...denoise.shipped import find_model
from ...signal.ctf import CtfParameters
from ..train.geometry import WORKING_PIXEL_SIZE
from .inputs import Sheet, TrainingPairs
from .method import UNLEARNED, Fitted, Method
from .network import Network
from .options import TRAINING, CompareOptions
from .training import Training


@dataclass(frozen=True)
class Truth:
    """The clean images themselves, for what the clustering of them reaches."""

    name: str = "truth"
    kind: Kind = "truth"
    note: str = "the clean images: what could be reached"

    def fit(self, sheet: Sheet) -> Fitted:
        """Choose nothing."""
        return Fitted(lambda noisy, clean, ctf: clean)


@dataclass(frozen=True)
class Filter:
    """A baseline whose parameters are tuned for each set."""

    baseline: Baseline

    @property
    def name(self) -> str:
        """Name of the row."""
        return self.baseline.name

    @property
    def kind(self) -> Kind:
        """See `core.compare.scores`."""
        return self.baseline.kind

    @property
    def note(self) -> str:
        """What a reader should know."""
        return self.baseline.note

    def fit(self, sheet: Sheet) -> Fitted:
        """Choose parameters on pairs that are not scored."""
        validation = sheet.validation
        tuned = tune(self.baseline, validation.noisy, validation.clean, validation.mask)
        chosen = ", ".join(f"{name} {value:g}" for name, value in tuned.parameters.items())
        remark = ""
        if tuned.at_the_edge:
            remark = (
                f"{validation.name}, {self.name}: the best {' and '.join(tuned.at_the_edge)} lies "
                "at the end of what was tried."
            )
        return Fitted(
            lambda noisy, clean, ctf: tuned(noisy, clean), chosen.replace("_", " "), remark
        )


@dataclass(frozen=True)
class SetCovariance:
    """The best linear estimate of a set whose mean and covariance are learned from noisy images."""

    name: str = "set covariance"
    kind: Kind = "filter"
    note: str = "Bhamre, Zhang and Singer 2016, as iceblock has it; learned from the noisy set"

    def fit(self, sheet: Sheet) -> Fitted:
        """Learn from the whole set."""
        whole, prior = sheet.whole, None
        if whole is not None:
            images = whole.noisy.cpu().numpy()
            prior = learn_prior(images, whole.pixel_size, whole.ctf, WORKING_PIXEL_SIZE)
        if prior is None:
            return Fitted(lambda noisy, clean, ctf: noisy, remark=UNLEARNED)

        def denoise(
            noisy: torch.Tensor, clean: torch.Tensor, ctf: CtfParameters | None
        ) -> torch.Tensor:
            estimate = linear_estimate(
                noisy.cpu(), sheet.scored.pixel_size, ctf, prior, WORKING_PIXEL_SIZE
            )
            return estimate.to(noisy.device)

        return Fitted(denoise, f"learned from {prior.count} images")


def list_methods(
    options: CompareOptions,
    pairs: Callable[[], TrainingPairs],
    device: torch.device,
    console: Console,
) -> tuple[list[Method], list[str]]:
    """List all rows in the order of the table.

    Parameters
    ----------
    options
        Of the run: its models, the first of which is ours, and the steps of the networks that are
        trained here; 0 leaves them out.
    pairs
        Gives their training pairs.
    device
        Where networks are trained and run.
    console
        Of the run.

    Returns
    -------
    methods
        Nothing is trained before it is needed.
    remarks
        Sentences on what is left out.
    """
    steps = options.size().train_steps
    classical, remarks = classical_baselines()
    trivial = [Filter(b) for b in classical if b.kind == "trivial"]
    filters: list[Method] = [Filter(b) for b in classical if b.kind != "trivial"]
    trained: list[Network] = []
    if steps:
        for recipe in (*RIVALS, OURS):
            folder = options.out / TRAINING
            loader = Training(recipe, steps, pairs, folder, device, options.seed, console)
            kind: Kind = "ours" if recipe is OURS else "trained"
            trained.append(Network(recipe.name, kind, recipe.note, loader))
    else:
        names = ", ".join(recipe.name for recipe in (*RIVALS, OURS))
        remarks.append(f"Left out, since no training was asked for (--train-steps 0): {names}.")
    ours = [
        row for name, place in options.named_models().items() for row in _given(name, place, device)
    ]
    filters.append(SetCovariance())
    return [Truth(), *trivial, *filters, *trained[:-1], *ours, *trained[-1:]], remarks


def _given(name: str, place: str, device: torch.device) -> list[Network]:
    model = load_model(find_model(place), device)
    note = f"{model.card.name}, {model.sha256[:12]}"

    def load() -> Denoiser:
        return Denoiser(model, device)

    return [
        Network(name, "ours", note, load, in_set=True),
        Network(f"{name}, each alone", "ours", note, load),
    ]
