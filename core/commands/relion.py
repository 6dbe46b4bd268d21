"""`iceblock relion`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import click

from ..errors import IceblockError

PROGRAMS = (
    "relion_iceblock", "relion_iceblock_denoise", "relion_iceblock_restore",
    "relion_iceblock_evaluate", "relion_iceblock_classify", "relion_iceblock_select",
    "relion_iceblock_micrographs", "relion_iceblock_noise", "relion_iceblock_train",
)  # fmt: skip
# The job's own launcher is Python, too: it cannot tell RELION what kept Python from starting.
_MISLEADING = ("PYTHONPATH", "PYTHONHOME")


@click.command(name="relion")
@click.argument("name", required=False, metavar="[PROGRAM]")
def command(name: str | None) -> None:
    """Show what to paste into RELION: the full paths of the executables, and their labels.

    RELION looks for an executable where it was started. Give it the full path, as the External
    executable on the Input tab: a job whose executable is not found stays Running for ever. Each
    executable is started once here, to see that it works. PROGRAM shows one of them alone.

    \b
    Examples:
      iceblock relion
      iceblock relion relion_iceblock_denoise
    """
    chosen = [program for program in PROGRAMS if name in (None, program)]
    if not chosen:
        raise IceblockError(f"{name} is no executable for RELION; those are:", PROGRAMS)
    paths = [executable(program) for program in chosen]
    click.echo("Paste one of these into External executable, on the Input tab of a RELION External")
    click.echo("job:\n")
    for path in paths:
        click.echo(f"  {path}")
    for variable in _MISLEADING:
        if os.environ.get(variable):
            click.echo(f"\n{variable} is set here. It can lead Python to the packages of another")
            click.echo("program, and a job then fails, or stays Running for ever. Start RELION")
            click.echo(f"without it, or paste `env -u {variable}` and a space before the path.")
    for program, path in zip(chosen, paths, strict=True):
        click.echo(f"\n{program}\n{'-' * len(program)}\n{_help(path)}")


def executable(program: str) -> Path:
    """Find an executable of this installation.

    Raises
    ------
    IceblockError
        If it is not installed.
    """
    beside = [Path(sys.executable).parent, Path(sys.argv[0]).absolute().parent]
    beside += [Path(sysconfig.get_path("scripts"))]
    beside += [Path(sysconfig.get_path("scripts", f"{os.name}_user"))]
    for folder in beside:
        if os.access(folder / program, os.X_OK):
            return (folder / program).absolute()
    if found := shutil.which(program):
        return Path(found).absolute()
    raise IceblockError(
        f"{program} is not beside {sys.executable}; install iceblock with pip, which puts it there"
    )


def _help(path: Path) -> str:
    """Give what an executable says about itself, or why it does not start."""
    done = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise IceblockError(f"{path} does not start ({last}); install iceblock again")
    return done.stdout.rstrip()
