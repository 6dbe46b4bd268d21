import signal
import threading
from collections.abc import Iterator

import pytest

from core.runs.interrupt import interrupted_between_steps


@pytest.fixture(autouse=True)
def python_takes_ctrl_c() -> Iterator[None]:
    """Give the handler that a program has in a terminal, wherever the tests run."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def test_ctrl_c_waits_for_the_next_step() -> None:
    with interrupted_between_steps() as check:
        check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_acts_at_once() -> None:
    with interrupted_between_steps():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("where", ["another handler", "another thread"])
def test_elsewhere_nothing_is_changed(where: str) -> None:
    seen: list[object] = []

    def look() -> None:
        with interrupted_between_steps() as check:
            check()
            seen.append(signal.getsignal(signal.SIGINT))

    if where == "another thread":
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert seen == [signal.default_int_handler]
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        look()
        assert seen == [signal.SIG_IGN]
