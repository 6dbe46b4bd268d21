"""Starts commands as processes of their own without the seconds that importing torch takes.

The words of its own command line are the modules to import first.

Reads a JSON request a line: {"start": [program, arguments…], "folder", "log", "errors",
"largest_file", "environment"} is answered by the process's number, {"poll": number} by its exit
status or null. A program is iceblock, one that RELION starts, or a Python file. Each command is a
fork of this process, which has imported everything, drawn a page, and computed nothing.
"""

import importlib
import io
import json
import os
import resource
import runpy
import signal
import sys
import traceback

from matplotlib import pyplot

from core.commands.main import main
from relion_ext import launcher

RELION = "relion_iceblock"


def run(program: str) -> int:
    if program == "iceblock":
        main()
    elif program.startswith(RELION):
        job = program.removeprefix(RELION).lstrip("_") or "whole"
        return launcher.main(job, sys.argv[1:])
    else:
        runpy.run_path(program, run_name="__main__")
    return 0


def start(request: dict[str, object]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(str(request["folder"]))
        for stream, name in ((1, "log"), (2, "errors")):
            os.dup2(os.open(str(request[name]), os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if request["largest_file"] is not None:
            limit = int(str(request["largest_file"]))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        sys.argv = [str(word) for word in request["start"]]  # type: ignore[attr-defined]
        os.environ.update(request["environment"])  # type: ignore[arg-type]
        status = run(sys.argv[0])
    except SystemExit as stop:
        status = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def poll(number: int) -> int | None:
    done, status = os.waitpid(number, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def draw_a_page() -> None:
    """Let matplotlib find its fonts and learn to set numbers."""
    figure, axes = pyplot.subplots(layout="constrained")
    axes.loglog([1, 1000], [1, 1000], label="$10^{-3}$ Å")
    axes.legend()
    figure.savefig(io.BytesIO(), format="pdf")
    pyplot.close(figure)


if __name__ == "__main__":
    for module in sys.argv[1:]:
        importlib.import_module(module)
    draw_a_page()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    print(json.dumps("ready"), file=answers)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(start(asked) if "start" in asked else poll(asked["poll"])), file=answers)
