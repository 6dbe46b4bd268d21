"""Makes a program wait at a gate, or die, at a moment that a test chooses: see tests/gate.py.

Python imports this file at its start where the folder is on PYTHONPATH. Only what the program does
to files is watched, so that the gate knows nothing of the program's inside.
"""

import contextlib
import fnmatch
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

GATE = Path("gate.json")
WATCHED = ("open", "os.rename", "os.remove", "os.mkdir")
seen = 0
own = threading.local()


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event not in WATCHED or hasattr(own, "hand") or not GATE.exists():
        return
    own.hand = True  # what follows touches files, too
    try:
        follow(event, arguments)
    finally:
        del own.hand


def follow(event: str, arguments: tuple[object, ...]) -> None:
    global seen
    try:
        gate = json.loads(GATE.read_text())
    except (OSError, ValueError):
        return  # it was opened in this moment
    if "kill_at" in gate:
        seen += 1
        if seen == gate["kill_at"]:
            os.killpg(0, signal.SIGKILL)
    elif "count" in gate:
        leave_a_mark(Path("gate.count"))
    elif event == "os.rename":
        wait_at(gate, os.path.relpath(os.fsdecode(arguments[1])))  # type: ignore[arg-type]


def wait_at(gate: dict[str, object], name: str) -> None:
    """Wait where this file would be one too many of its kind."""
    files = str(gate["files"])
    if not fnmatch.fnmatch(name, files) or len(list(Path().glob(files))) < int(str(gate["after"])):
        return
    leave_a_mark(Path("gate.reached"))
    test = Path(f"/proc/{gate['test']}")
    while GATE.exists() and test.exists():
        time.sleep(0.01)


def leave_a_mark(path: Path) -> None:
    """Make a file longer by one byte."""
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        file.write(b".")


sys.addaudithook(watch)
