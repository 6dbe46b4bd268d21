"""The stages of a whole run, each a run of its own in a folder of its own."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import torch

from ...counting import counted
from ...errors import IceblockError
from ...remarks import warn
from ...wording import renamed, wording
from ..denoise import run as denoising
from ..denoise.options import DenoiseOptions
from ..durations import format_duration
from ..evaluate import run as evaluating
from ..evaluate.options import EvaluateOptions
from ..noise import run as extracting
from ..noise.options import NoiseOptions
from ..record import read_record, write_record
from ..train import run as training
from ..train.options import MODEL as MODEL_FILE
from ..train.options import TrainOptions
from .choice import compared, mean_score, surely_better
from .folder import STAGES
from .options import DENOISED, MODEL, NOISE, TRUST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..denoise.run import Denoised
    from .inputs import WholeInputs
    from .options import WholeOptions

REPORT = "report.pdf"
"""Of each stage, in its folder."""
_NAMES = {
    "noise": {"pixel-size": "--micrograph-pixel-size", "box": "--noise-box"},
    "tuning": {"particle-pixel-size": "--pixel-size"},
}
"""Options of a stage that the whole run has under another name."""
LEAST_BLOCKS = 20
"""Blocks below which smaller ones are tried."""
WITHOUT_BLOCKS = "without blocks"
"""State in which a run that cuts noise leaves its record when it found none."""


@dataclass
class Stages:
    """Runs the stages in their order, and keeps in the record what came of each."""

    options: WholeOptions
    inputs: WholeInputs
    record: dict[str, Any]
    """Of the whole run; written after every change."""
    threads: int
    progress: TextIO | None
    heartbeat: Callable[[], None]
    told: list[str]
    """What the run has warned of until now."""

    def tell_choices(self) -> None:
        """Say what was settled for the user, and what is left out for want of an input."""
        inputs = self.inputs
        self._say(f"Particle diameter: {inputs.diameter:g} Å ({inputs.diameter_from})")
        for remark in inputs.remarks:
            self._say(f"note: {remark}")

    def noise(self) -> Path | None:
        """Cut noise blocks; gives the bank, or None where there is none to be had.

        Where ice has no room for blocks of the particles' box, smaller ones are cut: they lend
        their spectrum.
        """
        said = self._of("noise")
        if not self.inputs.micrographs:
            self._leave_out("noise", "no micrographs")
            return None
        title = f"Cutting noise out of {counted(len(self.inputs.micrographs), 'micrograph')}"
        with self._stage("noise", title):
            boxes = self.inputs.blocks
            for box in boxes[boxes.index(said.get("box", boxes[0])) :]:
                if said.get("state") != WITHOUT_BLOCKS:
                    self._note("noise", box=box, state="running")
                    self._cut(box, last=box == boxes[-1])
                if said["state"] == "finished":
                    break
        if said["state"] == "finished":
            return self.options.out / NOISE
        warn(f"No noise blocks: {said['why']}.")
        return None

    def tuning(self, bank: Path | None) -> str:
        """Fine-tune the model on the bank; gives the name of the model to denoise with."""
        options = self.options
        if bank is None or not self.inputs.to_be_tuned:
            self._leave_out("tuning", "no reference" if bank is not None else "no noise blocks")
            return options.model
        name = self.inputs.model.card.name
        with self._stage("tuning", f"Fine-tuning {name} on this ice, {self._how_long()}"):
            asked = TrainOptions(
                noise=(bank,),
                volumes=options.volumes,
                out=options.out / MODEL,
                particles=options.particles,
                particle_pixel_size=options.pixel_size,
                datadir=options.datadir,
                start=options.model,
                steps=options.steps,
                time_limit=options.seconds,
                device=options.device,
                gpu=options.gpu,
                threads=self.threads,
                seed=options.seed,
                name=f"{name}-tuned",
                command=options.command,
            )
            training.run(asked, progress=self.progress, heartbeat=self.heartbeat)
            made = read_record(options.out / MODEL) or {}
            before, after = (mean_score(made["scores"][m]) for m in ("before", "this model"))
            gain = made.get("gain", {"mean": after - before, "error": 0.0})
            used = surely_better(gain)
            self._note(
                "tuning", before=before, after=after, gain=gain, used=used, steps=made["steps"],
                training_seconds=made["training_seconds"], remarks=made["remarks"],
            )  # fmt: skip
        self._say(compared(name, self._of("tuning")))
        return str(options.out / MODEL / MODEL_FILE) if used else options.model

    def denoising(self, model: str) -> Denoised:
        """Denoise the particles."""
        options = self.options
        with self._stage("denoising", f"Denoising {counted(self.inputs.particles.n, 'particle')}"):
            asked = DenoiseOptions(
                particles=options.particles,
                out=options.out / DENOISED,
                model=model,
                device=options.device,
                gpu=options.gpu,
                batch_size=options.batch_size,
                dtype=options.dtype,
                confidence=options.confidence,
                keep_noise=options.keep_noise,
                each_alone=options.each_alone,
                threads=self.threads,
                pixel_size=options.pixel_size,
                project_dir=self._project(),
                datadir=options.datadir,
                contrast=options.contrast,
                command=options.command,
            )
            made = denoising.run(asked, progress=self.progress, heartbeat=self.heartbeat)
            self._note(
                "denoising",
                model=made.record["model"]["name"],
                particles=made.record["particles"],
                passed_through=made.record["passed_through"],
                output=asked.output.name,
            )
        return made

    def trust(self, bank: Path | None, model: str) -> None:
        """Examine the denoised particles, unless that was done."""
        options, folder = self.options, self.options.out / TRUST
        if "verdict" in self._of("trust") and (folder / REPORT).is_file():
            self._say(f"\n[4/4] Examined before: {self._of('trust')['verdict']}")
            return
        with self._stage("trust", "Examining how far the result can be trusted"):
            asked = EvaluateOptions(
                denoised=options.out / DENOISED / str(self._of("denoising")["output"]),
                out=folder,
                raw=options.particles,
                model=model,
                noise=bank,
                volumes=options.volumes if self.inputs.to_be_tuned else (),
                gate=options.gate,
                pixel_size=options.pixel_size,
                project_dir=self._project(),
                datadir=options.datadir,
                threads=self.threads,
                device=str(self.inputs.device),
                command=options.command,
            )
            made = evaluating.run(asked, progress=self.progress, heartbeat=self.heartbeat).verdicts
            self._note("trust", **{name: made[name] for name in ("verdict", "passed", "warnings")})

    def _cut(self, box: int, last: bool) -> None:
        """Cut blocks of one box, and note whether they will do."""
        options, folder = self.options, self.options.out / NOISE
        earlier = read_record(folder)
        asked = NoiseOptions(
            micrographs=options.micrographs,
            out=folder,
            box=box,
            particle_diameter=self.inputs.diameter,
            picks=self.inputs.picks,
            pixel_size=options.micrograph_pixel_size,
            model=options.segmentation,
            threads=self.threads,
            # What blocks of a larger box left is in the way; those of this box are continued.
            overwrite=earlier is not None and earlier["identity"]["settings"]["box"] != box,
            command=options.command,
        )
        warnings: list[str] = []
        try:
            extracting.run(
                asked, progress=self.progress, heartbeat=self.heartbeat, warn=warnings.append
            )
        except IceblockError as error:
            if (read_record(folder) or {}).get("state") != WITHOUT_BLOCKS:
                raise
            self._note("noise", blocks=0, why=str(error), state=WITHOUT_BLOCKS if last else "few")
        else:
            made = read_record(folder) or {}
            enough = last or made["blocks"] >= LEAST_BLOCKS
            counts = {k: made[k] for k in ("blocks", "micrographs", "with_blocks", "warnings")}
            self._note("noise", **counts, state="finished" if enough else "few")
        if self._of("noise")["state"] == "few":
            self._say(f"Blocks of {box} pixels are too few here: smaller ones are tried.")
            return
        for warning in warnings:  # of a box that is given up they would mislead
            warn(warning)

    def _project(self) -> Path | None:
        """Give the folder where paths in a .cs file start, also those of a folder elsewhere."""
        particles = self.inputs.particles
        return particles.root if particles.suffix == ".cs" else None

    @contextmanager
    def _stage(self, name: str, title: str) -> Iterator[None]:
        """Head a stage, and note the seconds of the pass that finished it."""
        number = list(STAGES).index(name) + 1
        self._say(f"\n[{number}/{len(STAGES)}] {title}")
        began = time.monotonic()
        torch.set_num_threads(self.threads)  # stages change it for themselves
        self.heartbeat()
        with wording(renamed(_NAMES.get(name, {}))):
            yield
        if "seconds" not in self._of(name):
            self._note(name, seconds=round(time.monotonic() - began, 1))

    def _leave_out(self, name: str, why: str) -> None:
        number = list(STAGES).index(name) + 1
        self._say(f"\n[{number}/{len(STAGES)}] Left out: {name} ({why})")
        self._note(name, left_out=why)

    def _of(self, name: str) -> dict[str, Any]:
        stage: dict[str, Any] = self.record["stages"].setdefault(name, {})
        return stage

    def _note(self, name: str, **facts: Any) -> None:
        self._of(name).update(facts)
        self.record["warnings"] = list(self.told)
        write_record(self.options.out, self.record)

    def _say(self, text: str) -> None:
        if self.progress:
            print(text, file=self.progress, flush=True)

    def _how_long(self) -> str:
        options = self.options
        limits = [] if options.steps is None else [counted(options.steps, "step")]
        if options.seconds is not None:
            limits.append(format_duration(options.seconds))
        return "at most " + " or ".join(limits)
