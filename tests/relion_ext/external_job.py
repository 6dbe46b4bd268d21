"""An External job in a project directory, run in a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..gate import PATIENCE, wait_for

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
JOB = "External/job001/"


@dataclass
class External:
    """A project directory with one External job in it."""

    project: Path

    @property
    def folder(self) -> Path:
        return self.project / JOB

    @property
    def markers(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("RELION_JOB_*"))

    def start(
        self, *arguments: str, denoiser: str = "works", **environment: str
    ) -> subprocess.Popen[str]:
        """Start the job as RELION does, in the project directory, and leave it running."""
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.Popen(
            [sys.executable, HERE / "job_with_fake_denoiser.py", *arguments],
            cwd=self.project,
            env=clean | {"PYTHONPATH": str(ROOT), "FAKE_DENOISER": denoiser} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, denoiser: str = "works", **environment: str) -> "Finished":
        """Run the job to its end; without arguments, those of an ordinary job."""
        arguments = arguments or ("--o", JOB, "--in_parts", "Extract/job003/particles.star")
        return finish(self.start(*arguments, denoiser=denoiser, **environment))

    def wait_until_busy(self, process: subprocess.Popen[str]) -> None:
        wait_for(lambda: (self.folder / "started").exists() or process.poll() is not None)


@dataclass
class Finished:
    """What a run left: its exit status, run.out and run.err."""

    status: int
    out: str
    err: str


def finish(process: subprocess.Popen[str]) -> Finished:
    out, err = process.communicate(timeout=PATIENCE)
    return Finished(process.returncode, out, err)
