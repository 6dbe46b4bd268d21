"""The executables that RELION starts: they outlive whatever goes wrong behind them.

Only the standard library is imported here, and everything after the job directory is known happens
inside one `try`: a missing package ends in the failure marker like any other fault.
"""

import faulthandler
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .ending import Ending, InstallationError, complain


def main(job: str, argv: Sequence[str]) -> int:
    """Run the module `job` of this package as a RELION External job.

    Parameters
    ----------
    job
        Name of the module, which has `PROGRAM` (its arguments) and `run`.
    argv
        The arguments without the executable's name.

    Returns
    -------
    int
        The exit status: 0 for success or help, else 1.
    """
    folder = output_folder(argv)
    if folder is None:
        return _without_folder(job, argv)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ending = Ending(folder)
        ending.clear()
    except OSError as error:
        complain(f"The job directory {folder} cannot be used: {error.strerror}.")
        return 1
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Each line at once in run.out, and no failure over a letter the locale lacks.
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        _require_own_core()
        from core.jobs.guard import run_guarded
    except Exception as error:
        return ending.conclude(error)
    return run_guarded(lambda: _run(job, argv, ending), ending.conclude_for)


def _starter(job: str) -> Callable[[], int]:
    """Make the function that the executable of a job calls."""
    return lambda: main(job, sys.argv[1:])


denoise = _starter("denoise")
micrographs = _starter("micrographs")
select = _starter("select")
classify = _starter("classify")
restore = _starter("restore")
noise = _starter("noise")
train = _starter("train")
whole = _starter("whole")
evaluate = _starter("evaluate")


def output_folder(argv: Sequence[str]) -> Path | None:
    """Find the value of `--o`; None when there is none."""
    for index, token in enumerate(argv):
        if token.startswith("--o="):
            return Path(token.removeprefix("--o=")) if token != "--o=" else None
        if token == "--o" and index + 1 < len(argv):
            value = argv[index + 1]
            return Path(value) if value and not value.startswith("--") else None
    return None


def _run(job: str, argv: Sequence[str], ending: Ending) -> int:
    """Run the job in this process, from the first import to the exit marker."""
    from core.jobs.signals import release_signals

    from .abort import AbortWatch

    error: BaseException | None = None
    with AbortWatch(ending) as watch:
        try:
            release_signals()
            if sys.__stderr__ is not None:
                faulthandler.enable(sys.__stderr__)
            _require_one_process()
            module = importlib.import_module(f".{job}", __package__)
            from core.wording import wording

            from .job import Job
            from .wording import words_for

            with (
                wording(words_for(module.PROGRAM)),
                Job(module.PROGRAM, argv, ending.folder, watch) as started,
            ):
                module.run(started)
        except BaseException as caught:
            error = caught
        return ending.conclude(error, watch.reason)


def _require_own_core() -> None:
    """Refuse to run on another package that happens to be called `core` too."""
    from iceblock import foreign_core

    if message := foreign_core():
        raise InstallationError(message)


def _require_one_process() -> None:
    """Refuse to be one of several in the same job directory, each of which would end the job."""
    from core.compute.launched import refusal

    if message := refusal(os.environ, "A RELION job", "ask for one task in the submission script"):
        raise InstallationError(message)


def _without_folder(job: str, argv: Sequence[str]) -> int:
    """Answer a call that is no job: no marker can be written, because there is no directory."""
    if argv and not {"-h", "--help"} & set(argv):
        complain("--o DIR is missing: RELION gives it; by hand, name the job directory yourself.")
        return 1
    try:
        _require_own_core()
    except InstallationError as error:
        complain(str(error))
        return 1
    module = importlib.import_module(f".{job}", __package__)
    from .program import usage

    print(usage(module.PROGRAM))
    return 0
