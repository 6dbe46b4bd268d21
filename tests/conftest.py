"""What all tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder with real micrographs, particles and projects."""
    folder = os.environ.get("ICEBLOCK_TEST_DATA")
    if not folder:
        pytest.skip("ICEBLOCK_TEST_DATA does not name the folder of real data")
    return Path(folder)
