"""A running External job: start, progress, abort, outputs and the step before success.

RELION starts the program in the project directory with `--o External/jobNNN/`, reads its
run.out and run.err while it runs, and at the end looks for RELION_OUTPUT_NODES.star and an exit
marker. The marker itself is the launcher's: it must come even if this module cannot be imported.
"""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import core
from core.remarks import collected, warn
from core.runs.options import options_of

from .abort import AbortWatch
from .arguments import Arguments, parse
from .nodes import NodeType, write_output_nodes
from .program import Program
from .version import RelionVersion, detect

T = TypeVar("T")

REPORT = "logfile.pdf"
"""Name of a run's report, which RELION's Display menu opens."""


class Job:
    """One run of an External job; a context inside which the work is done.

    Leaving the context normally registers the outputs. The launcher writes the exit marker after
    that, which is the order RELION needs.

    Parameters
    ----------
    program
        What the executable understands.
    argv
        Its arguments.
    folder
        The job directory.
    watch
        Where requests to stop arrive.

    Attributes
    ----------
    folder
        The job directory, from the project directory.
    arguments
        The parsed arguments.
    relion
        The RELION that started the job; None if its files do not tell.
    command
        The whole command line, for records.

    Raises
    ------
    core.errors.IceblockError
        For arguments that cannot be understood.
    """

    def __init__(
        self, program: Program, argv: Sequence[str], folder: Path, watch: AbortWatch
    ) -> None:
        self.folder = _from_project(folder)
        self.relion: RelionVersion | None = detect(self.folder, Path.cwd())
        self.command = shlex.join([program.name, *argv])
        self._program = program
        self._watch = watch
        self._outputs: list[tuple[Path, NodeType]] = []
        self.arguments: Arguments = parse(program, argv)
        self._warnings = ExitStack()

    def __enter__(self) -> Self:
        # Both: run.out beside what it is about, and run.err, which RELION shows in red.
        self._warnings.enter_context(collected(sys.stdout, sys.stderr, hands_on=True))
        started_by = f"RELION {self.relion.value}" if self.relion else "an unknown RELION"
        self.say(f"iceblock {core.__version__}, External job {self.folder}/ of {started_by}")
        self.say(f"Command: {self.command}")
        for name, path in self.arguments.inputs.items():
            unused = "" if name in self._program.inputs else "  (not used by this job)"
            self.say(f"Input:   --{name} {path}{unused}")
        self.say(f"Threads: {self.arguments.threads}")
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._warnings.close()
        if error is not None:
            return
        self.heartbeat()
        for path, _ in self._outputs:
            if not path.exists():
                raise FileNotFoundError(f"the job did not write its output {path}")
        nodes = [(path.as_posix(), kind) for path, kind in self._outputs]
        write_output_nodes(self.folder, nodes, self.relion)

    def options(self) -> Any:
        """Make the options of the run from the inputs, the labels and the threads."""
        kind: Any = self._program.kind
        values = dict(self.arguments.values)
        given: dict[str, tuple[Path, ...]] = {}
        for name, option in self._program.inputs.items():
            if name in self.arguments.inputs:
                given.setdefault(option, (self.arguments.inputs[name],))
        for option, paths in given.items():
            many = options_of(kind)[option].many
            values[option] = (*paths, *values.get(option, ())) if many else paths[0]
        made = kind(
            **values,
            out=self.folder,
            threads=self.arguments.threads,
            report=REPORT,
            command=self.command,
        )
        made.check()
        return made

    def do(self, run: Callable[..., T], options: Any) -> T:
        """Do a run of core whose report RELION shows; its progress goes to run.out."""
        self.add_output(REPORT, NodeType.PDF_LOG)
        done = run(options, progress=sys.stdout, heartbeat=self.heartbeat)
        self.say(f"{self.folder / REPORT} opens from this job's Display menu.")
        return done

    def say(self, text: str) -> None:
        """Write a line to run.out."""
        print(text, flush=True)

    def warn_of_type(self, dtype: str) -> None:
        """Warn of images of a type that the RELION at hand cannot go on with."""
        if dtype == "float16" and self.relion is RelionVersion.V3_1:
            warn("RELION 3.1 refuses to classify or refine float16 stacks: use them elsewhere.")

    def heartbeat(self) -> None:
        """Stop the job here if the user or the queue asked for it; call between two batches.

        Raises
        ------
        core.jobs.signals.JobStopped
            If a request came.
        """
        self._watch.check()

    def add_output(self, name: str, kind: NodeType) -> Path:
        """Announce an output and return where to write it.

        Parameters
        ----------
        name
            File name inside the job directory.
        kind
            What RELION is to take it for.
        """
        path = self.folder / name
        self._outputs.append((path, kind))
        return path


def _from_project(folder: Path) -> Path:
    """Name `folder` from the project directory if it lies inside, without following links."""
    if not folder.is_absolute():
        return Path(os.path.normpath(folder))
    inside = os.path.relpath(folder)
    return folder if inside.startswith("..") else Path(inside)
