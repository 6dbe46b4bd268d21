import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.commands.main import main

from ..drawing import undrawn
from ..tiny_model import write_tiny_model
from .small_project import star_text, write_stack

__all__ = ["undrawn"]

Run = Callable[..., int]


@pytest.fixture
def iceblock(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process; returns its exit status."""

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["iceblock", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file small enough for tests."""
    return write_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, entered, with 9 particles in two stacks of the same name."""
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path / "Extract/job003/A/mic.mrcs", 6, 32)
    write_stack(tmp_path / "Extract/job003/B/mic.mrcs", 5, 32, seed=1)
    names = [f"{k:06d}@Extract/job003/A/mic.mrcs" for k in (6, 1, 1, 3, 2)]
    names[2:2] = [f"{k:06d}@Extract/job003/B/mic.mrcs" for k in (5, 2, 4, 1)]
    (tmp_path / "Extract/job003/particles.star").write_text(star_text(names))
    return tmp_path
