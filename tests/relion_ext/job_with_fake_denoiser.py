"""Runs `relion_iceblock_denoise` with a stand-in for the denoiser that ends as FAKE_DENOISER says.

The contract is about how a job ends, so the tests choose the end. Everything but
`core.runs.denoise.run` is the real thing, in a process of its own.
"""

import atexit
import os
import signal
import sys
import time
import types
from typing import Any

from core.errors import IceblockError
from core.runs.denoise.options import DenoiseOptions
from relion_ext import abort, launcher


def run(options: DenoiseOptions, *, progress: Any, heartbeat: Any) -> None:
    print(f"options: {options}")
    progress.write("1 of 2\r")
    end = os.environ["FAKE_DENOISER"]
    (options.out / "started").touch()
    if end == "mistake":
        raise IceblockError("particles.star, row 7: no image name.")
    if end == "bug":
        raise KeyError("a bug")
    if end == "exit":
        sys.exit(0)
    if end == "memory":
        raise MemoryError
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
    while end == "deaf":
        time.sleep(0.05)
    if end != "no output":
        (options.out / "particles.star").write_text("data_particles\n")
        (options.out / options.report).write_bytes(b"%PDF")
    if end == "slow exit":
        atexit.register(time.sleep, 2)
    if end == "last moment":
        (options.out / abort.ABORT_NOW).touch()
        while (options.out / abort.ABORT_NOW).exists():  # until the job has heard
            time.sleep(0.01)


fake = types.ModuleType("core.runs.denoise.run")
fake.__dict__.update(run=run)
sys.modules[fake.__name__] = None if os.environ["FAKE_DENOISER"] == "no torch" else fake  # type: ignore[assignment]
if os.environ["FAKE_DENOISER"] == "deaf":  # the others stop in time, on any machine
    abort.GRACE_SECONDS = 1.0
else:
    abort.GRACE_SECONDS = 600.0
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and "KEEP_IGNORED" not in os.environ:
    # The tests may themselves run in a shell's background, where Ctrl-C is switched off.
    signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[0] = "relion_iceblock_denoise"
sys.exit(launcher.denoise())
