"""The stages of a whole run, each a run of its own in a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import IceblockError
from ...remarks import warn
from ...sets.stacking.evidence_words import evidence_words
from ...wording import counted
from ..classify import run as classifying
from ..classify.options import ClassifyOptions
from ..denoise import run as denoising
from ..denoise.options import DenoiseOptions
from ..denoise.run import Denoised
from ..durations import format_duration
from ..evaluate import run as evaluating
from ..evaluate.options import EvaluateOptions
from ..evaluate.own_evidence import evidence_of
from ..noise import run as extracting
from ..noise.options import NoiseOptions
from ..noise.record import WITHOUT_BLOCKS, NoiseRecord
from ..record import read_record
from ..train import run as training
from ..train.options import MODEL as MODEL_FILE
from ..train.options import TrainOptions
from ..train.record import TrainRecord
from .choice import compared, mean_score, surely_better
from .log import StageLog
from .options import CLASSES, DENOISED, MODEL, NOISE, TRUST
from .own_gain import own_gain
from .record import TuningStage

REPORT = "report.pdf"
"""Of each stage, in its folder."""
FEWEST_TO_CLASSIFY = 100
"""Particles."""


@dataclass
class Stages(StageLog):
    """Runs the stages in their order, and keeps in the record what came of each."""

    def tell_choices(self) -> None:
        """Say what was settled for the user, and what is left out for want of an input."""
        inputs = self.inputs
        self.console.say(f"Particle diameter: {inputs.diameter:g} Å ({inputs.diameter_from})")
        for remark in inputs.remarks:
            self.console.note(remark)

    def noise(self) -> Path | None:
        """Cut noise blocks; gives the bank, or None where there is none to be had."""
        stage, box = self.record.stages.noise, self.inputs.noise_box
        if stage.kept:
            warn(
                "The set has grown since the noise blocks were cut and the model was chosen: both "
                "are kept, and the new stacks are denoised with them. To make all anew, give the "
                "command with --overwrite."
            )
            return self.options.out / NOISE if stage.blocks else None
        if box is None:
            self.leave_out("noise", "no micrographs")
            return None
        title = f"Cutting noise out of {counted(len(self.inputs.micrographs), 'micrograph')}"
        with self.stage("noise", title):
            if stage.state != WITHOUT_BLOCKS:
                self._cut(box)
        if stage.state == WITHOUT_BLOCKS:
            warn(f"No noise blocks: {stage.why}.")
            return None
        return self.options.out / NOISE

    def tuning(self, bank: Path | None) -> str:
        """Fine-tune the model on the bank; gives the name of the model to denoise with."""
        options, stage = self.options, self.record.stages.tuning
        if stage.kept:
            return self._model_of(stage)
        if bank is None or not self.inputs.to_be_tuned:
            self.leave_out("tuning", "no reference" if bank is not None else "no noise blocks")
            return options.model
        name = self.inputs.model.card.name
        with self.stage("tuning", f"Fine-tuning {name} on this ice, {self._how_long()}"):
            asked = TrainOptions(
                noise=(bank,),
                volumes=options.volumes,
                out=options.out / MODEL,
                particles=options.particles,
                particle_pixel_size=options.pixel_size,
                start=options.model,
                name=f"{name}-tuned",
                **self.shared(TrainOptions) | {"time_limit": options.seconds},
            )
            training.run(asked, **self.talk)
            made = read_record(options.out / MODEL, TrainRecord) or TrainRecord()
            before, after = (mean_score(made.scores[m]) for m in ("before", "this model"))
            stage.before, stage.after = before, after
            stage.gain = made.gain or {"mean": after - before, "error": 0.0}
            gain = own_gain(
                self._to_denoise(options.model),
                options.out / MODEL / MODEL_FILE,
                self.console.heartbeat,
            )
            stage.own_gain = None if gain is None else [round(value, 4) for value in gain]
            stage.used = surely_better(stage.gain) if gain is None else gain.low > 0
            stage.steps, stage.training_seconds = made.steps, made.training_seconds
            stage.remarks = made.remarks
            self.save()
        self.console.say(compared(stage))
        return self._model_of(stage)

    def _model_of(self, stage: TuningStage) -> str:
        """Name the model that denoises."""
        return str(self.options.out / MODEL / MODEL_FILE) if stage.used else self.options.model

    def _to_denoise(self, model: str) -> DenoiseOptions:
        """Give the options of denoising with a model."""
        options = self.options
        return DenoiseOptions(
            particles=options.particles,
            out=options.out / DENOISED,
            model=model,
            volumes=() if options.each_alone else options.volumes,
            **self.shared(DenoiseOptions),
        )

    def denoising(self, model: str) -> Denoised:
        """Denoise the particles."""
        with self.stage("denoising", f"Denoising {counted(self.inputs.particles.n, 'particle')}"):
            asked = self._to_denoise(model)
            made = denoising.run(asked, **self.talk)
            stage = self.record.stages.denoising
            stage.model, stage.particles = made.record.model.name, made.record.particles
            stage.passed_through, stage.output = made.record.passed_through, asked.output.name
            evidence = evidence_of(made.record)
            stage.evidence = evidence_words(evidence) if evidence else ""
            self.save()
        return made

    def classes(self) -> None:
        """Sort the raw particles into 2D classes."""
        count, stage = self.inputs.particles.n, self.record.stages.classes
        if not self.options.classify or count < FEWEST_TO_CLASSIFY:
            few = f"fewer than {FEWEST_TO_CLASSIFY} particles"
            self.leave_out("classes", few if self.options.classify else "as you said")
            return
        if stage.classes and (self.options.out / CLASSES / REPORT).is_file():
            self.head("classes", f"Sorted before: {counted(stage.classes, 'class', 'classes')}")
            return
        with self.stage("classes", f"Sorting {counted(count, 'particle')} into 2D classes"):
            asked = ClassifyOptions(
                particles=self.options.particles,
                out=self.options.out / CLASSES,
                particle_diameter=self.inputs.mask_diameter,
                seed=self.options.seed,
                **self.shared(ClassifyOptions),
            )
            made = classifying.run(asked, **self.talk).record
            stage.classes, stage.empty = made.classes, made.empty
            stage.files = [asked.output.name, *asked.relion_files()[1:]]
            self.save()

    def trust(self, bank: Path | None, model: str) -> None:
        """Examine the denoised particles, unless that was done."""
        options, folder = self.options, self.options.out / TRUST
        stage = self.record.stages.trust
        if stage.verdict and (folder / REPORT).is_file():
            self.head("trust", f"Examined before: {stage.verdict}")
            return
        with self.stage("trust", "Examining how far the result can be trusted"):
            asked = EvaluateOptions(
                denoised=options.out / DENOISED / self.record.stages.denoising.output,
                out=folder,
                raw=options.particles,
                model=model,
                noise=bank,
                volumes=options.volumes if self.inputs.to_be_tuned else (),
                gate=options.gate,
                **self.shared(EvaluateOptions)
                | {"device": str(self.inputs.device), "gpu": None, "contrast": "auto"},
            )
            made = evaluating.run(asked, **self.talk).verdicts
            stage.verdict, stage.passed = made["verdict"], made["passed"]
            stage.warnings = made["warnings"]
            self.save()

    def _cut(self, box: int) -> None:
        """Cut blocks of a box, or smaller ones, and note what came of it."""
        options, folder = self.options, self.options.out / NOISE
        asked = NoiseOptions(
            micrographs=options.micrographs,
            out=folder,
            box=box,
            particle_diameter=self.inputs.diameter,
            picks=self.inputs.picks,
            pixel_size=options.micrograph_pixel_size,
            model=options.segmentation,
            **self.shared(NoiseOptions),
        )
        stage = self.record.stages.noise
        try:
            extracting.run(asked, **self.talk)
        except IceblockError as error:
            left = read_record(folder, NoiseRecord)
            if left is None or left.state != WITHOUT_BLOCKS:
                raise
            stage.why = str(error)
        made = read_record(folder, NoiseRecord) or NoiseRecord()
        stage.state, stage.box, stage.blocks = made.state, made.box or box, made.blocks
        stage.micrographs, stage.with_blocks = made.micrographs, made.with_blocks
        stage.warnings = made.warnings
        self.save()

    def _how_long(self) -> str:
        options = self.options
        limits = [] if options.steps is None else [counted(options.steps, "step")]
        if options.seconds is not None:
            limits.append(format_duration(options.seconds))
        return "at most " + " or ".join(limits)
