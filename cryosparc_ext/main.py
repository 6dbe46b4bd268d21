"""The `iceblock-cryosparc` command group: subcommands are imported only when they are called."""

from __future__ import annotations

import os
import sys

import click

from core import __version__
from core.commands.lazy import LazyGroup
from core.errors import IceblockError
from core.jobs.guard import run_guarded
from core.jobs.signals import JobStopped, release_signals

from .ending import complain
from .guard import OpenJob, conclude_for

COMMANDS = {
    "denoise": "Denoise particles, as an external job.",
    "denoise-micrographs": "Denoise whole micrographs, as an external job.",
    "select": "Choose the particles that are worth keeping, as an external job.",
    "classify": "Sort particles into 2D classes, as an external job.",
    "restore": "Put the original images back, as an external job.",
    "noise": "Cut pure noise out of micrographs, as an external job.",
    "train": "Train a model on one's own noise, as an external job.",
    "export": "Write particles as a RELION STAR file.",
}
"""Name of each subcommand, which is also its module's, and its line in the help."""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    package=__package__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="iceblock-cryosparc")
def group() -> None:
    """Work on particles of a CryoSPARC project, as external jobs of that project.

    Log in once, with `python -m cryosparc.tools login --url URL`.

    \b
    iceblock-cryosparc denoise --url http://cs.lab:39000 --project P3 --particles J12.particles
    iceblock-cryosparc restore --url http://cs.lab:39000 --project P3 --selection J20.particles
    """


def main() -> None:
    """Run a command in a process whose end a parent watches."""
    under_way = OpenJob()

    def work() -> int:
        release_signals()
        return run(under_way)

    sys.exit(run_guarded(work, lambda status: conclude_for(under_way, status)))


def run(under_way: OpenJob) -> int:
    """Run a command; a user's mistake ends in one sentence and exit status 1.

    Parameters
    ----------
    under_way
        Where a job notes that it is under way.
    """
    if message := _several():
        complain(message)
        return 1
    try:
        group.main(prog_name="iceblock-cryosparc", standalone_mode=False, obj=under_way)
    except IceblockError as error:
        complain(str(error))
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt, JobStopped) as error:
        complain(str(error) or "stopped")
        return 130
    except OSError as error:
        complain(f"{error}; check the disk and the permissions there")
        return 1
    except SystemExit as stop:  # nothing here ends like this of its own will
        return stop.code if isinstance(stop.code, int) and stop.code else 1
    return 0


def _several() -> str | None:
    """Say that several processes would each make a job of their own."""
    from core.compute.launched import refusal

    return refusal(os.environ, "A CryoSPARC job", "give --gpu to use several GPUs")
