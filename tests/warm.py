"""Commands in processes of their own that need not import torch first."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .gate import PATIENCE

ROOT = Path(__file__).parents[1]


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


class WarmServer:
    """See warm_server.py.

    Parameters
    ----------
    paths
        Folders of modules that every command finds first.
    modules
        What is imported before the first command.
    """

    def __init__(self, paths: Sequence[Path] = (), modules: Sequence[str] = ()) -> None:
        places = os.pathsep.join(map(str, [*paths, ROOT]))
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("warm_server.py"), *modules],
            env=clean | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        assert self._answer() == "ready"

    def start(
        self,
        words: list[str],
        folder: Path,
        log: Path,
        largest_file: int | None = None,
        environment: dict[str, str] | None = None,
        errors: Path | None = None,
    ) -> Started:
        """Start a command in a folder; what it says goes to `log`, or in part to `errors`."""
        for path in (log, errors or log):
            path.unlink(missing_ok=True)
        number = self.ask(
            {
                "start": words,
                "folder": str(folder),
                "log": str(log),
                "errors": str(errors or log),
                "largest_file": largest_file,
                "environment": environment or {},
            }
        )
        assert number is not None
        return Started(self, number, log)

    def run(self, words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        out, err = folder / ".out", folder / ".err"
        status = self.start(words, folder, out, errors=err).wait()
        return subprocess.CompletedProcess(words, status, out.read_text(), err.read_text())

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
