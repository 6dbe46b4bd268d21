"""What all tests share."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A machine may be slow at any moment: no test depends on time.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

# A suite that was started in the background or under nohup ignores these, and so would the programs
# that it starts and stops.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder with real micrographs, particles and projects."""
    folder = os.environ.get("ICEBLOCK_TEST_DATA")
    if not folder:
        pytest.skip("ICEBLOCK_TEST_DATA does not name the folder of real data")
    return Path(folder)
