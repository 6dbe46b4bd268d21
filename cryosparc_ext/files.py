"""The project directory, from a machine that sees it or from one that does not.

Where it is visible, a job reads the input stacks in place and writes into its own directory. Where
it is not, the server sends and takes the files: one whole file at a time, through a folder on this
machine that mirrors the project.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core.errors import IceblockError
from core.images.disk import partial_path, replacing, writing

from .connection import Connection, no_second_try

if TYPE_CHECKING:
    from cryosparc.controllers.job import ExternalJobController

LAG = 5.0
"""Seconds that a network file system may need to show a new folder."""
TRIES = 3


class ProjectFiles:
    """The files of a project, for one job.

    Parameters
    ----------
    connection, job
        The server and the job.
    name
        Of the folder in the job directory that the outputs go to; it is made.
    scratch
        Where to mirror files that are not visible; by default the system's temporary folder.

    Attributes
    ----------
    visible
        Whether the project directory is here, and the job directory can be written to.
    root
        Where relative paths of the project start on this machine.
    """

    def __init__(
        self,
        connection: Connection,
        job: ExternalJobController,
        name: str,
        scratch: Path | None = None,
    ) -> None:
        self._connection = connection
        self._job = job
        self._mirror: Path | None = None
        project = Path(connection.ask("finding the project directory", lambda: str(job.dir))).parent
        self.visible = self._probe(project / job.uid, name)
        self.root = project if self.visible else self._make_mirror(scratch)

    @property
    def folder(self) -> Path:
        """The job's own directory on this machine."""
        return self.root / str(self._job.uid)

    def fetch(self, names: Iterable[str], watch: Callable[[], None]) -> None:
        """Bring files of the project to this machine, one after the other.

        Parameters
        ----------
        names
            Paths from the project directory; absolute ones are looked for as they are.
        watch
            Called before each transfer; may raise to stop.

        Raises
        ------
        IceblockError
            For a file that is not there or that the server does not give.
        """
        for name in names:
            target = self.root / name
            if target.exists():
                continue
            if self.visible or Path(name).is_absolute() or ".." in Path(name).parts:
                raise IceblockError(_missing(name, target))
            watch()
            with replacing(target) as file:
                self._connection.ask(
                    f"downloading {name}", partial(_download, self._job, name, file)
                )

    def publish(self, paths: Iterable[Path], watch: Callable[[], None]) -> None:
        """Bring files of the job directory to the project, and check that they arrived whole.

        Parameters
        ----------
        paths
            Under `folder`. Where the project directory is not visible, each is uploaded, read back,
            compared, and removed here.
        watch
            Called before each transfer; may raise to stop.

        Raises
        ------
        IceblockError
            If a file does not arrive whole.
        """
        if self.visible:
            return
        for path in paths:
            name = path.relative_to(self.folder).as_posix()
            watch()
            self._make_parents(Path(name))
            self._connection.ask(f"uploading {name}", partial(self._upload, path, name))
            path.unlink()

    def close(self) -> None:
        """Remove what was mirrored on this machine, and what was left half-written."""
        if self._mirror is not None:
            shutil.rmtree(self._mirror, ignore_errors=True)
            return
        # A new run is a new job: what a failed one left for its continuation has no use.
        for path in self.folder.rglob(partial_path(Path("*")).name):
            with suppress(OSError):
                path.unlink()

    def _upload(self, path: Path, name: str) -> None:
        for _ in range(TRIES):
            with path.open("rb") as file, no_second_try():
                self._job.upload(name, file, overwrite=True)
            # The server tells no sizes, and a cut upload leaves a short file without an error.
            echo = _Digest()
            _download(self._job, f"{self._job.uid}/{name}", echo)
            with path.open("rb") as file:
                sent = hashlib.file_digest(file, "sha256").hexdigest()
            if (echo.size, echo.hexdigest()) == (path.stat().st_size, sent):
                return
        raise IceblockError(
            f"{self._job.uid}/{name} did not arrive whole in {TRIES} tries: {echo.size} of "
            f"{path.stat().st_size} bytes are there; check the connection to the server and its "
            "disk, or run iceblock where the project directory is visible."
        )

    def _make_parents(self, name: Path) -> None:
        if name.parent != Path():
            self._connection.ask(
                f"making {name.parent}",
                lambda: self._job.mkdir(name.parent.as_posix(), parents=True, exist_ok=True),
            )

    def _probe(self, folder: Path, name: str) -> bool:
        """Let the server make a folder in the job directory, and see whether it appears here.

        A path alone proves nothing: another machine may have another disk of that name.
        """
        self._connection.ask(
            f"making {self._job.uid}/{name}",
            lambda: self._job.mkdir(name, parents=True, exist_ok=True),
        )
        limit = time.monotonic() + (LAG if folder.parent.is_dir() else 0)
        while not (folder / name).is_dir():
            if time.monotonic() >= limit:
                return False
            time.sleep(0.2)
        return os.access(folder / name, os.W_OK | os.X_OK)

    def _make_mirror(self, scratch: Path | None) -> Path:
        with writing(scratch or Path(tempfile.gettempdir())):
            if scratch is not None:
                scratch.mkdir(parents=True, exist_ok=True)
            self._mirror = Path(tempfile.mkdtemp(prefix="iceblock-", dir=scratch))
            (self._mirror / self._job.uid).mkdir()
        return self._mirror


class _Digest:
    """A file that keeps only the size and the hash of what is written to it."""

    def __init__(self) -> None:
        self.truncate()

    def seek(self, offset: int) -> None:
        """Stay: there is only the beginning to go to."""

    def truncate(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self._hash.update(data)
        return len(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _download(job: ExternalJobController, path: str, file: BinaryIO | _Digest) -> None:
    # A second try begins anew.
    file.seek(0)
    file.truncate()
    job.cs.download_file(job.project_uid, path, file)


def _missing(name: str, path: Path) -> str:
    if path.is_symlink():
        return (
            f"The input {name} is a link to {os.readlink(path)}, which cannot be seen from this "  # noqa: PTH115
            "machine; run iceblock where it can, or put the file back."
        )
    return (
        f"The input {name} is not at {path}; put the file back, or run iceblock on a machine that "
        "sees it."
    )


def visible_project(connection: Connection, project: str) -> Path:
    """Give the project directory, which has to be visible on this machine.

    Raises
    ------
    IceblockError
        If it is not.
    """
    found = connection.ask(
        f"finding project {project}", lambda: connection.client.find_project(project)
    )
    folder = Path(connection.ask("finding the project directory", lambda: str(found.dir)))
    if not folder.is_dir():
        raise IceblockError(
            f"The directory {folder} of project {project} cannot be seen from this machine; give "
            "the command on one that sees it."
        )
    return folder
