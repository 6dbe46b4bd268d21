from pathlib import Path

import pytest

from .external_job import External


@pytest.fixture
def external(tmp_path: Path) -> External:
    made = External(tmp_path)
    made.folder.mkdir(parents=True)
    return made
