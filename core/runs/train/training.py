"""What one process does of a training run: it trains, and the first scores, draws and reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch

from ...compute.device import bf16_pays
from ...compute.distributed import Ranks
from ...console import Console
from ...denoise.model_file import Model, load_model, save_model
from ...denoise.network import DenoisingNetwork
from ...denoise.shipped import find_model
from ...denoise.training.presets import Preset
from ...denoise.training.trainer import Score, Trainer
from ..interrupt import interrupted_between_steps
from ..life import Run
from ..record import Device
from ..stamps import fingerprint
from .card import make_card
from .gain import paired_gain
from .inputs import TrainingInputs, read_inputs
from .options import MODEL, TrainOptions
from .record import ModelMade, TrainRecord
from .report import report
from .watch import TrainingWatch, Validation


@dataclass(frozen=True)
class Training:
    """A training run in one of its processes."""

    options: TrainOptions
    device: torch.device
    ranks: Ranks
    console: Console
    began: float
    """`time.monotonic` at its beginning."""

    @cached_property
    def parent(self) -> Model | None:
        """The model to start from."""
        start = self.options.start
        return None if start is None else load_model(find_model(start))

    @cached_property
    def preset(self) -> Preset:
        """Network, loss and schedule, with all that was asked for in its place."""
        preset = self.options.settings(self.ranks.size)
        training = replace(preset.training, bf16=bf16_pays(self.device))
        generator = self.parent.generator.config if self.parent else preset.generator
        return replace(preset, training=training, generator=generator, vgg19=self.options.vgg19)

    def train(self, record: TrainRecord, this: Run) -> None:
        """Train, and in the first process score, draw and report."""
        options, parent = self.options, self.parent
        inputs = read_inputs(options, parent.card if parent else None, self.device)
        for sentence in inputs.remarks:
            self.console.note(sentence)
        self.console.heartbeat()
        validation, before = None, None
        if self.ranks.first:
            name = options.name or options.out.resolve().name
            bf16 = self.preset.training.bf16
            validation = Validation(inputs.held_out, bf16, options.out, name)
            if parent is not None:
                before = _score(validation, parent.generator.to(self.device))
                of_each = validation.of_each()
        trainer = Trainer(
            replace(self.preset, training=replace(self.preset.training, boxes=(inputs.box,))),
            inputs.pairs,
            options.out,
            validation or _nothing,
            start=parent.generator.state_dict() if parent else None,
            ranks=self.ranks,
        )
        average = _train(trainer, validation, self.console, self.began)
        if validation is None:
            return
        after = _score(validation, average)
        table = {
            "this model": after,
            **({"before": before} if before else {}),
            **validation.table(),
        }
        card = make_card(options, inputs, trainer, parent, table)
        save_model(options.out / MODEL, average, card)
        if before:
            record.gain = paired_gain(validation.of_each() - of_each)
        record.model = ModelMade(card.name, MODEL, fingerprint(options.out / MODEL))
        record.scores = table
        if parent:
            record.started_from = f"{parent.card.name}, {parent.sha256[:12]}"
        _note(record, inputs, trainer)
        this.note(record)
        validation.draw(trainer.log.rows)
        report(options, inputs, validation, trainer.log.rows, record)


def _train(
    trainer: Trainer, validation: Validation | None, console: Console, began: float
) -> DenoisingNetwork:
    """Train under a progress bar; Ctrl-C waits for the next step."""
    with interrupted_between_steps() as check:

        def beat() -> None:
            console.heartbeat()
            check()

        watched = Console(console.stream, beat)
        steps, seconds = trainer.config.steps, trainer.config.seconds
        total, unit = (round(seconds or 0), "s") if steps is None else (steps, "step")
        initial = int(trainer.state.seconds) if steps is None else trainer.state.step
        with watched.bar(total, unit, "training", initial=initial) as bar:
            return trainer.run(TrainingWatch(trainer, validation, bar, console), began)


def _score(validation: Validation, network: DenoisingNetwork) -> dict[str, float]:
    """Score a network, and leave its images in the validation, for the pictures."""
    validation(network)
    return validation.table()["this model"]


def _nothing(network: DenoisingNetwork) -> Score:
    """Stand in for validation, which the first process does."""
    return {}


def _note(record: TrainRecord, inputs: TrainingInputs, trainer: Trainer) -> None:
    """Take what was learned, and from what, into the record."""
    state = trainer.state
    record.steps, record.images = state.step, state.images
    record.training_seconds = round(state.seconds, 1)
    record.images_per_second = round(state.images / max(state.seconds, 1e-9), 1)
    record.box, record.pixel_size = inputs.box, inputs.geometry.pixel_size
    record.volumes, record.noise = list(inputs.volumes), list(inputs.noise)
    record.held_out = list(inputs.held_out_names)
    record.seeds = {"seed": trainer.config.seed}
    record.remarks = [*inputs.remarks, *state.remarks]
    record.device = Device.of(trainer.device, trainer.ranks.size)
