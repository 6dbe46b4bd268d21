"""A small simulated RELION project to try every command on."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from ..compute.threads import one_thread_each
from ..console import Console
from ..errors import IceblockError
from ..images.disk import writing
from ..simulate.project import write_project
from ..simulate.project_contents import ProjectSettings


def run(folder: Path, settings: ProjectSettings | None = None) -> int:
    """Write the project, whole or not at all.

    Parameters
    ----------
    folder
        New or empty.
    settings
        What the project holds; None for the usual one.

    Returns
    -------
    particles
        How many there are.

    Raises
    ------
    IceblockError
        If the folder holds something already or cannot be written.
    """
    settings = settings or ProjectSettings()
    with writing(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise IceblockError(f"{folder} already holds something; name a new folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".iceblock-demo-") as made:
            bar = Console(sys.stderr).bar(settings.micrographs, "mic", "simulating")
            with one_thread_each(), bar as shown:  # one thread: the same files everywhere
                particles = write_project(Path(made) / "project", settings, shown.advance)
            if folder.exists():
                folder.rmdir()
            shutil.move(Path(made) / "project", folder)
    return particles
