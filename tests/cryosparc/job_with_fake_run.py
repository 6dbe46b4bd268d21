"""Runs `iceblock-cryosparc` with a stand-in for the denoising run that ends as FAKE_RUN says.

The contract is about how a job ends, so the tests choose the end. The program, the guard, the job
and the client are the real things, in processes of their own.
"""

import os
import signal
import sys
import time
import types
from typing import Any

from core.errors import IceblockError
from cryosparc_ext import connection, files
from cryosparc_ext.main import main


def run(options: Any, *, progress: Any, heartbeat: Any) -> None:
    end = os.environ["FAKE_RUN"]
    (options.out / "started").touch()
    half = options.out / options.stacks / ".mic.mrc.partial"
    half.parent.mkdir()
    half.touch()
    if end == "mistake":
        raise IceblockError("row 7: no image.")
    if end == "exit":
        sys.exit(0)
    if end == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "crash":
        os.abort()
    while end in ("slow", "clumsy"):
        time.sleep(0.05)
        try:
            heartbeat()
        except BaseException as error:
            if end == "slow":
                raise
            raise ValueError("half-closed writer") from error
    time.sleep(60)


def fake(name: str, **content: Any) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module


if os.environ["FAKE_RUN"] == "no torch":
    sys.modules["core.compute.device"] = None  # type: ignore[assignment]
else:
    fake("core.runs.denoise.run", run=run, Denoised=None)
    fake("core.denoise.model_file", read_description=lambda path: {"card": {"name": "fake"}})
connection.PAUSE = 0.05
files.LAG = 0.0
# The tests may themselves run in a shell's background or under nohup, where these are switched off.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.argv[0] = "iceblock-cryosparc"
main()
