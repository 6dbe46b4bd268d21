from collections.abc import Iterator
from pathlib import Path

import pytest

from ..warm import WarmServer
from .external_job import External

JOBS = ("denoise", "evaluate", "noise", "train", "whole")


@pytest.fixture
def external(tmp_path: Path) -> External:
    made = External(tmp_path)
    made.folder.mkdir(parents=True)
    return made


@pytest.fixture(scope="session")
def server() -> Iterator[WarmServer]:
    """Starts jobs that need not import torch first, and draw no pages.

    One test of each job starts its executable, which does.
    """
    modules = ["tests.undrawn"]
    modules += [name for job in JOBS for name in (f"core.runs.{job}.run", f"relion_ext.{job}")]
    warm = WarmServer(modules=modules)
    yield warm
    warm.close()
