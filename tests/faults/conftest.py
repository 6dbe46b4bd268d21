"""One server and one project for all faults; each test has output folders of its own."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ..gate import SITE
from ..warm import WarmServer
from .fault_room import Room, make_room


@pytest.fixture(scope="session")
def server() -> Iterator[WarmServer]:
    warm = WarmServer([SITE], ["core.runs.denoise.run", "relion_ext.denoise"])
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def shared_room(server: WarmServer, tmp_path_factory: pytest.TempPathFactory) -> Room:
    return make_room(tmp_path_factory.mktemp("faults"), server)


@pytest.fixture
def room(shared_room: Room, tmp_path: Path) -> Room:
    """The project, copied, so that a test may spoil it."""
    shutil.copytree(shared_room.folder / "Extract", tmp_path / "Extract")
    shutil.copy(shared_room.folder / "tiny.safetensors", tmp_path)
    return replace(shared_room, folder=tmp_path)
