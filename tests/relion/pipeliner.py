"""A RELION project driven without its GUI, by the real relion_pipeliner.

Notes on RELION 3.1.3: options are split on `;` and ` == `; default_pipeline.star must exist before
the first job; the program blocks until the job writes an exit marker; and it must never be given an
alias, which empties its pipeline file.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..gate import PATIENCE, Gate, on_path, wait_for

SUCCEEDED, FAILED, ABORTED = "2", "3", "4"
FRESH_PIPELINE = "\n# version 30001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter 1\n \n"


@dataclass(frozen=True)
class Project:
    """A folder in which relion_pipeliner runs jobs."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "default_pipeline.star").write_text(FRESH_PIPELINE)
        # Without it RELION asks on the terminal whether this is a project.
        (self.folder / ".gui_projectdir").touch()

    @property
    def gate(self) -> Gate:
        """Of the jobs in this folder."""
        return Gate(self.folder)

    def add(self, kind: str, **options: object) -> str:
        """Add a job of RELION's type `kind` and return its name, such as `External/job001/`."""
        counter = self._table("_rlnPipeLineJobCounter")[0][1]
        text = ";".join(f"{name} == {value}" for name, value in options.items())
        self._pipeliner("--addJob", kind, "--addJobOptions", text).check_returncode()
        return f"{kind}/job{int(counter):03d}/"

    def add_external(
        self, executable: str, particles: str, *, threads: int = 2, **labels: object
    ) -> str:
        """Add an External job with the labels and values of its Params tab."""
        params = {}
        for index, (label, value) in enumerate(labels.items(), start=1):
            params |= {f"param{index}_label": label, f"param{index}_value": value}
        return self.add(
            "External", fn_exe=find(executable), in_part=particles, nr_threads=threads, **params
        )

    def add_class2d(self, particles: str, *, diameter: float, ctf: bool, classes: int = 2) -> str:
        """Add a small 2D classification."""
        return self.add(
            "Class2D",
            fn_img=particles,
            nr_classes=classes,
            nr_iter=2,
            particle_diameter=diameter,
            do_ctf_correction="Yes" if ctf else "No",
            ctf_intact_first_peak="No",
            nr_pool=3,
            nr_threads=2,
            nr_mpi=1,
            use_gpu="No",
            psi_sampling=30,
            offset_range=3,
            offset_step=2,
        )

    def start(self, job: str) -> subprocess.Popen[bytes]:
        """Run `job` (again, if it has run: that is the GUI's Continue), without waiting."""
        return subprocess.Popen(
            ["relion_pipeliner", "--RunJobs", job, "--sec_wait_after", "1"],
            cwd=self.folder,
            env=on_path(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def finish(
        self, pipeliner: subprocess.Popen[bytes], job: str, seconds: float = PATIENCE
    ) -> str:
        """Wait for `job` and return its status as RELION registered it."""
        try:
            pipeliner.wait(seconds)
        except subprocess.TimeoutExpired:
            pipeliner.kill()
            raise AssertionError(f"{job} wrote no exit marker:\n{self.errors(job)}") from None
        return self.status(job)

    def start_to_gate(self, job: str, files: str, after: int) -> subprocess.Popen[bytes]:
        """Run `job` until it is about to make one more of some files than it may."""
        self.gate.shut(f"{job}{files}", after)
        pipeliner = self.start(job)
        wait_for(lambda: self.gate.reached() or pipeliner.poll() is not None)
        assert pipeliner.poll() is None, self.errors(job)
        return pipeliner

    def abort(self, job: str) -> None:
        """Ask a job at a gate to stop, as the GUI does, and let it go on when it has heard."""
        request = self.folder / job / "RELION_JOB_ABORT_NOW"
        request.touch()
        wait_for(lambda: not request.exists())
        self.gate.open()

    def run(self, job: str) -> str:
        """Run `job` to its end and return its status."""
        return self.finish(self.start(job), job)

    def status(self, job: str) -> str:
        """Return the status column of `job`: 2 finished, 3 failed, 4 aborted."""
        return next(row[3] for row in self._table(job) if len(row) == 4)

    def nodes(self, job: str) -> dict[str, str]:
        """Return the outputs that RELION registered for `job`, name to type."""
        produced = {row[1] for row in self._table(job) if len(row) == 2}
        return {row[0]: row[1] for row in self._table(job) if row[0] in produced and len(row) == 2}

    def output(self, job: str) -> str:
        """Return run.out of `job`."""
        return (self.folder / job / "run.out").read_text()

    def errors(self, job: str) -> str:
        """Return run.err of `job`."""
        return (self.folder / job / "run.err").read_text()

    def _table(self, start: str) -> list[list[str]]:
        lines = (self.folder / "default_pipeline.star").read_text().splitlines()
        return [line.split() for line in lines if line.startswith(start)]

    def _pipeliner(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["relion_pipeliner", *arguments], cwd=self.folder, capture_output=True, timeout=PATIENCE
        )


def find(executable: str) -> Path:
    """Find an installed console script: beside this Python, else on PATH."""
    beside = Path(sys.executable).with_name(executable)
    found = beside if beside.exists() else Path(shutil.which(executable) or f"missing/{executable}")
    assert os.access(found, os.X_OK), f"{executable} is not installed"
    return found
