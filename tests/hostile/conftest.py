from collections.abc import Callable
from pathlib import Path

import pytest

from .hostile_targets import KINDS


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes the whole project of a kind, enters it and gives its folder."""
    monkeypatch.chdir(tmp_path)

    def make(kind: str) -> Path:
        KINDS[kind].make(tmp_path)
        return tmp_path

    return make
