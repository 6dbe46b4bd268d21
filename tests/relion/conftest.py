"""Projects for the real RELION: a simulated one that needs no data, and copies of real ones."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .pipeliner import Project
from .simulated_project import write_particles


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
    """Give a function that copies the particles of a project of the test data."""

    def copy(name: str) -> Project:
        source = test_data / "projects" / name / "Extract"
        shutil.copytree(source, tmp_path / "Extract")
        return Project(tmp_path)

    return copy
