"""A small project in which runs are disturbed, and what they must leave behind in the end."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import torch

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, save_model

from ..gate import PATIENCE, SITE, Gate

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STAR = Path("Extract/job003/particles.star")
HEAD = """data_optics

loop_
_rlnOpticsGroup #1
_rlnImagePixelSize #2
_rlnImageSize #3
1 4.0 32

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
"""
QUICK = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)


class Started:
    """A command that runs."""

    def __init__(self, server: "WarmServer", number: int, log: Path) -> None:
        self.number = number
        self.log = log
        self._server = server
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            self._status = self._server.ask({"poll": self.number})
        return self._status

    def send(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.number, number)

    def kill_all(self) -> None:
        """Kill the command and all that it started, as a queue or the kernel does."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it ends at this moment
                os.killpg(self.number, signal.SIGKILL)

    def wait(self, until: Callable[[], bool] = lambda: False, seconds: float = PATIENCE) -> int:
        """Wait for the end; returns the exit status, and None at once when `until` holds."""
        end = time.monotonic() + seconds
        while (status := self.poll()) is None:
            if until():
                return 0
            if time.monotonic() > end:
                self.kill_all()
                raise TimeoutError(f"the command hangs:\n{self.said}")
            time.sleep(0.003)
        return status

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


def workers(number: int) -> list[int]:
    """Processes that denoise: those that the run of this number started with its own words."""
    tasks = Path(f"/proc/{number}/task")
    found = []
    for child in [int(n) for path in tasks.glob("*/children") for n in path.read_text().split()]:
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return sorted(found)


class WarmServer:
    """See warm_server.py."""

    def __init__(self) -> None:
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [sys.executable, HERE / "warm_server.py"],
            env=clean | {"PYTHONPATH": f"{SITE}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        assert self._answer() == "ready"

    def ask(self, request: dict[str, object]) -> int | None:
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._answer()
        assert answer is None or isinstance(answer, int)
        return answer

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> object:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@dataclass
class Room:
    """A project folder, and the outputs of a run that nothing disturbed."""

    folder: Path
    server: WarmServer
    expected: dict[str, bytes]
    seconds: float = 0.0
    """The undisturbed run took so long."""
    touches: int = 0
    """The undisturbed run touched files so often."""

    @property
    def gate(self) -> Gate:
        """Of the programs in this folder."""
        return Gate(self.folder)

    def start_to_gate(
        self, out: Path, *arguments: object, stacks: int = 0, processes: int = 1,
        program: str = "iceblock",
    ) -> Started:  # fmt: skip
        """Start a run; it, or all its processes, waits with one stack more than `stacks` denoised.

        That stack still has its hidden name, and no other is begun.
        """
        self.gate.shut(f"{out}/Particles/*.mrcs", after=stacks)
        if processes > 1:
            arguments = ("--processes", processes, *arguments)
        started = self.start(out, *arguments, program=program)
        started.wait(until=lambda: self.gate.reached(processes))
        assert started.poll() is None, started.said
        return started

    def start(
        self, out: Path, *arguments: object, largest_file: int | None = None,
        program: str = "iceblock",
    ) -> Started:  # fmt: skip
        """Start `iceblock denoise`, or the RELION job in `out`, and leave it running."""
        if program == "iceblock":
            words = ["denoise", STAR, "--out", out, "--model", "tiny.safetensors", "-q"]
            words += ["--device", "cpu", "--batch-size", "4"]
        else:
            words = ["--o", f"{out}/", "--in_parts", STAR, "--model", "tiny.safetensors"]
            words += ["--device", "cpu", "--batch_size", "4", "--j", "1"]
        log = self.folder / f"{out.name}.log"
        log.unlink(missing_ok=True)
        request: dict[str, object] = {
            "start": [program, *map(str, words), *map(str, arguments)],
            "folder": str(self.folder), "log": str(log), "largest_file": largest_file,
        }  # fmt: skip
        number = self.server.ask(request)
        assert number is not None
        return Started(self.server, number, log)

    def run(self, out: Path, *arguments: object, **options: object) -> Started:
        """Run it to its end."""
        started = self.start(out, *arguments, **options)  # type: ignore[arg-type]
        started.wait()
        return started

    def wrong(self, out: Path) -> list[str]:
        """Name the outputs that differ from those of the undisturbed run, or do not belong."""
        found = outputs(self.folder, out)
        return sorted(
            name for name in {*found, *self.expected} if found.get(name) != self.expected.get(name)
        )

    def finish(self, out: Path, *arguments: object, **options: object) -> Started:
        """Give the command again; it must end well, with the bytes of the undisturbed run."""
        last = self.run(out, *arguments, **options)
        assert last.poll() == 0, last.said
        assert self.wrong(out) == []
        return last


def outputs(folder: Path, out: Path) -> dict[str, bytes]:
    """Read all outputs whose bytes are determined; the folder's own name is left out of them.

    The report and the record hold times; RELION's and the queue's files are not the run's.
    """
    skip = ("run.json", "report.pdf", "logfile.pdf", "RELION_", ".iceblock.lock")
    name = f"@{out}/".encode()
    return {
        str(path.relative_to(folder / out)): path.read_bytes().replace(name, b"@OUT/")
        for path in sorted((folder / out).rglob("*"))
        if path.is_file() and not path.name.startswith(skip)
    }


def make_room(
    folder: Path, server: WarmServer, stacks: int = 4, images: int = 41,
    network: GeneratorConfig = QUICK,
) -> Room:  # fmt: skip
    """Write a project with some images that cannot be denoised, and run it undisturbed."""
    rng = np.random.default_rng(0)
    names = []
    for k in range(stacks):
        name = f"Extract/job003/{k}/mic.mrcs"
        data = rng.standard_normal((images - k, 32, 32)).astype(np.float32)
        data[[3 * k, 17]] = 0
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(folder / name) as file:
            file.set_data(data)
        names += [f"{index:06d}@{name} 1" for index in range(1, len(data) + 1)]
    (folder / STAR).write_text(HEAD + "\n".join(rng.permutation(names)) + "\n")
    torch.manual_seed(0)
    card = ModelCard("tiny", 4.0, (0.01, 2.0), (3.7, 5.5), (32, 96), (5000.0, 35000.0))
    save_model(folder / "tiny.safetensors", Generator(network), card)
    room = Room(folder, server, {})
    for _ in range(2):  # the first run warms the disk up
        shutil.rmtree(folder / "Undisturbed", ignore_errors=True)
        room.gate.count()
        begin = time.monotonic()
        done = room.run(Path("Undisturbed"))
        room.seconds = time.monotonic() - begin
        assert done.poll() == 0, done.said
    room.gate.open()
    room.touches = room.gate.counted
    room.expected = outputs(folder, Path("Undisturbed"))
    return room
