"""Projects for the real RELION: a simulated one that needs no data, and copies of real ones."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .pipeliner import Project
from .simulated_project import PARTICLES, write_particles

MOST = 400
"""Particles of a real project: RELION takes minutes for thousands."""


@pytest.fixture(scope="session", autouse=True)
def relion() -> None:
    """Skip where RELION is not installed, but never in CI, where that would hide the tests."""
    if shutil.which("relion_pipeliner") is None:
        reason = "relion_pipeliner is not on PATH (apt-get install relion)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a fresh project with simulated particles in `simulated_project.PARTICLES`."""
    write_particles(tmp_path, stacks=3, images=40)
    return Project(tmp_path)


@pytest.fixture
def copy_of_real_project(test_data: Path, tmp_path: Path) -> Callable[[str], Project]:
    """Give a function that copies a project of the test data, with about `MOST` particles."""

    def copy(name: str) -> Project:
        source = test_data / "projects" / name / "Extract"
        shutil.copytree(source, tmp_path / "Extract")
        star = tmp_path / PARTICLES
        lines = star.read_text().splitlines(keepends=True)
        rows = [number for number, line in enumerate(lines) if "@" in line]
        left_out = set(rows) - set(rows[:: -(-len(rows) // MOST)])
        star.write_text("".join(line for k, line in enumerate(lines) if k not in left_out))
        return Project(tmp_path)

    return copy
