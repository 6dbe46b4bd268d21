import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryosparc import auth

from cryosparc_ext import connection, ending, files
from cryosparc_ext.guard import OpenJob
from cryosparc_ext.main import run

from ..drawing import undrawn
from ..tiny_model import write_tiny_model
from .lab import PROJECT, Lab, Run, particles, write_stack
from .loopback_server import Server

__all__ = ["undrawn"]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Give a running server with the empty project P1 and a user who is logged in."""
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    for name in ("BASE_URL", "MASTER_HOSTNAME", "BASE_PORT", "EMAIL", "PASSWORD", "LICENSE_ID"):
        monkeypatch.delenv(f"CRYOSPARC_{name}", raising=False)
    auth.get_default_auth_config_path.cache_clear()
    monkeypatch.setattr(connection, "PAUSE", 0.02)
    monkeypatch.setattr(connection, "PATIENCE", 0.2)
    monkeypatch.setattr(ending, "PATIENCE", 20.0)
    monkeypatch.setattr(files, "LAG", 0.0)
    with Server(tmp_path / "projects") as server:
        server.world.add_project(PROJECT)
        made = Lab(server, home)
        made.log_in()
        yield made
    auth.get_default_auth_config_path.cache_clear()


@pytest.fixture
def two_stacks(lab: Lab) -> Lab:
    """Add J1.extracted: 9 particles of two stacks of one name, with gaps and out of order."""
    paths = ["J1/A/mic.mrc", "J1/B/mic.mrc"]
    data = particles([paths[k] for k in (0, 0, 1, 1, 1, 1, 0, 0, 0)], [5, 0, 4, 1, 3, 0, 1, 3, 2])
    lab.seed("extracted", data)
    for seed, path in enumerate(paths):
        write_stack(lab.project / path, 7, seed=seed)
    return lab


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model file small enough for tests."""
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def iceblock_cryosparc(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process; returns its exit status."""

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["iceblock-cryosparc", *map(str, arguments)])
        return run(OpenJob())

    return call


@pytest.fixture
def denoise(lab: Lab, model: Path, iceblock_cryosparc: Run) -> Run:
    """Denoise J1 with the small model on one CPU thread."""

    def call(*more: object) -> int:
        common = ("--particles", "J1", "--model", model, "--device", "cpu", "--threads", 1)
        return iceblock_cryosparc(*lab.arguments("denoise", *common, *more))

    return call
