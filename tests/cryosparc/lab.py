"""A lab with a CryoSPARC server, a project and a user who is logged in."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import numpy.typing as npt
from cryosparc.auth import InstanceAuthSessions
from cryosparc.dataset import Dataset
from cryosparc.models.auth import Token
from cryosparc.models.job import Job

from .loopback_fields import described
from .loopback_server import Server
from .loopback_world import EMAIL

ROOT = Path(__file__).parents[2]
PROJECT = "P1"
Run = Callable[..., int]
"""Runs a command line; gives its exit status."""


@dataclass
class Lab:
    """The server, and what its users do."""

    server: Server
    home: Path

    @property
    def project(self) -> Path:
        return self.server.world.folder(PROJECT)

    def log_in(self) -> None:
        """Store a token as `python -m cryosparc.tools login` does."""
        self.server.world.tokens.add("token")
        sessions = InstanceAuthSessions({})
        token = Token(access_token="token", token_type="bearer")
        sessions.insert(self.server.url, EMAIL, token, datetime.now(UTC) + timedelta(days=1))
        sessions.save(self.home / "cryosparc-tools" / "auth.json")

    def seed(self, output: str, data: Dataset[Any], **more: Any) -> Job:
        return self.server.world.seed_output(PROJECT, output, data, **more)

    def job(self, uid: str) -> Job:
        return self.server.world.jobs[PROJECT, uid]

    def log(self, uid: str) -> str:
        return self.server.world.log(PROJECT, uid)

    def load(self, uid: str, output: str) -> Dataset[Any]:
        """Load all slots of an output, as the server has them."""
        return self.server.calls.jobs_load_output(PROJECT, uid, output, "all")

    def files(self, uid: str) -> dict[str, bytes]:
        """Give the files of a job, but its job.json, which changes when others connect to it."""
        folder = self.project / uid
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "job.json"
        }

    def arguments(self, command: str, *more: object) -> list[str]:
        return [command, "--url", self.server.url, "--project", PROJECT, *map(str, more)]

    def start(self, program: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a program in a process of its own and leave it running."""
        clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CRYOSPARC_EMAIL")}
        paths = {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(self.home)}
        return subprocess.Popen(
            [sys.executable, program, *arguments],
            env=clean | paths | {"OMP_NUM_THREADS": "1"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def write_stack(path: Path, n: int, box: int = 32, seed: int = 0) -> npt.NDArray[np.float32]:
    """Write a stack of noise as CryoSPARC does: without a pixel size, as a volume."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(seed).standard_normal((n, box, box)).astype(np.float32)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(images)
    return images


def particles(
    paths: list[str], indices: list[int], box: int = 32, uids: list[int] | None = None
) -> Dataset[Any]:
    """Make a particle set with blob and ctf slots."""
    n = len(paths)
    fields = [tuple(field) for slot in ("blob", "ctf") for field in described("particle", slot)]
    data = Dataset.allocate(n, fields)
    data["uid"] = uids or [10_000_000_000_000_000_000 + 7 * k for k in range(n)]
    data["blob/path"] = paths
    data["blob/idx"] = indices
    data["blob/shape"] = np.full((n, 2), box)
    data["blob/psize_A"] = 4.0
    data["blob/sign"] = -1.0
    data["blob/import_sig"] = 5
    data["ctf/df1_A"] = np.arange(n) + 10_000.5
    data["ctf/accel_kv"], data["ctf/cs_mm"], data["ctf/amp_contrast"] = 300, 2.7, 0.1
    return data
