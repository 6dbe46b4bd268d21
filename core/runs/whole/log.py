"""What is said and noted of each stage of a whole run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...console import Console
from ...wording import NOT_HERE, renamed, wording
from ..life import Run
from ..noise.options import NoiseOptions
from ..options import Options, options_of
from ..record import write_record
from .folder import STAGES
from .inputs import WholeInputs
from .options import WholeOptions
from .record import Stage, WholeRecord

_NAMES = {
    "noise": {
        "--pixel-size": "--micrograph-pixel-size", "--box": "--noise-box",
        "--model": "--segmentation",
    },
    "tuning": {
        "--particle-pixel-size": "--pixel-size", "--held-out": NOT_HERE, "--box": NOT_HERE,
    },
    "trust": {"--noise": NOT_HERE},
}  # fmt: skip
"""Options of a stage that the whole run has under another name, or has not."""


@dataclass
class StageLog:
    """Heads each stage, notes its seconds, and keeps the record."""

    options: WholeOptions
    inputs: WholeInputs
    record: WholeRecord
    """Of the whole run; written after every change."""
    run: Run
    console: Console

    @property
    def talk(self) -> dict[str, Any]:
        """Where a stage talks, and what it asks."""
        return {"progress": self.console.stream, "heartbeat": self.console.heartbeat}

    def shared(self, kind: type[Options]) -> dict[str, Any]:
        """Give the options of a stage that the whole run has, too."""
        shared = self.options.shared_with(kind)
        shared |= {"command": self.options.command, "overwrite": False}
        if "project_dir" in shared:
            shared["project_dir"] = self.inputs.particles.project  # also for a folder elsewhere
        return shared

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        """Head a stage, and note the seconds of the pass that finished it."""
        self.head(name, title)
        began = time.monotonic()
        self.console.heartbeat()
        with wording(renamed(names_of(name))):
            yield
        stage: Stage = getattr(self.record.stages, name)
        if stage.seconds is None:
            stage.seconds = round(time.monotonic() - began, 1)
            self.save()

    def leave_out(self, name: str, why: str) -> None:
        """Say and note that a stage is left out."""
        self.head(name, f"Left out: {name} ({why})")
        getattr(self.record.stages, name).left_out = why
        self.save()

    def head(self, name: str, title: str) -> None:
        """Say which stage comes."""
        self.console.say(f"\n[{list(STAGES).index(name) + 1}/{len(STAGES)}] {title}")

    def save(self) -> None:
        """Write the record as it is."""
        self.run.note(self.record)
        write_record(self.options.out, self.record)


def names_of(stage: str) -> dict[str, str]:
    """Give the whole run's names for the options of a stage."""
    names = dict(_NAMES.get(stage, {}))
    if stage == "noise":
        own, whole = (
            {one.option for one in options_of(kind).values()}
            for kind in (NoiseOptions, WholeOptions)
        )
        names = dict.fromkeys(own - whole, NOT_HERE) | names
    return names
