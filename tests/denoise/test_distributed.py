"""Several processes train as one does; started by torch's own launcher, on CPUs."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.compute.distributed import ALONE, Ranks, joined
from core.compute.processes import launch
from core.denoise.training.batches import draw_batch
from core.errors import IceblockError

from .lone_worker import worker
from .tiny_training import CONFIG, curve, tiny_pairs
from .train_in_process import train

ROOT = Path(__file__).parents[2]


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes that are started find the tests' modules and leave the cores alone."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.usefixtures("importable")
def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    train(str(tmp_path / "one"), "gan", steps=16, parts=2)
    launch(train, (str(tmp_path / "two"), "gan", 16, 2), 2)
    first, second = (torch.load(tmp_path / "two" / f"rank{k}.pt") for k in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for mine, theirs in zip(one, two, strict=True):
        for name in ("loss", "pixel", "zero", "adversarial", "discriminator"):
            if mine[name]:
                assert float(mine[name]) == pytest.approx(float(theirs[name]), rel=1e-3), name


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize(
    ("what", "says"), [("mistake", "^File x is bad: make it good.$"), ("killed", "SIGKILL")]
)
def test_a_worker_that_fails_ends_the_others(what: str, says: str) -> None:
    with pytest.raises(IceblockError, match=says):
        launch(worker, (what,), 2)


@pytest.mark.usefixtures("importable")
def test_a_stop_ends_all_workers() -> None:
    class Stop(BaseException):
        pass

    begin = time.monotonic()

    def heartbeat() -> None:
        if time.monotonic() - begin > 1:
            raise Stop

    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stop):
        launch(worker, ("sleeps",), 2, heartbeat)
    assert signal.getsignal(signal.SIGTERM) == handler


def test_alone_everything_is_ones_own() -> None:
    cpu = torch.device("cpu")
    net = torch.nn.Linear(1, 1)
    with joined(cpu) as ranks:
        assert ranks == ALONE
    assert ranks.first
    assert ranks.share(net, cpu) is net
    assert ranks.agree([1.0, 2.0], cpu) == [1.0, 2.0]
    assert ranks.mean({"a": 3.0}, cpu) == {"a": 3.0}
    ranks.wait()


def test_processes_share_the_parts_of_a_batch() -> None:
    pairs, config = tiny_pairs(), replace(CONFIG, batch=8, parts=4)
    whole = draw_batch(pairs, config, 3, ALONE)
    shares = [draw_batch(pairs, config, 3, Ranks(rank, 2)) for rank in (0, 1)]
    assert len(whole.noisy) == 2 * len(shares[0].noisy)
    parts = [part for share in shares for part in share.noisy.split(len(whole.noisy) // 4)]
    order = [parts[k] for k in (0, 2, 1, 3)]
    assert torch.equal(torch.cat(order), whole.noisy)
    with pytest.raises(IceblockError, match="divides 4"):
        draw_batch(pairs, config, 3, Ranks(0, 3))


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_goes_to_the_programs_own_handler(number: signal.Signals) -> None:
    """RELION's jobs note it there, and then say that they were aborted."""
    heard: list[int] = []
    former = signal.signal(number, lambda number, frame: heard.append(number))
    begin = time.monotonic()

    def heartbeat() -> None:
        if heard:
            raise InterruptedError
        if time.monotonic() - begin > 3:
            os.kill(os.getpid(), number)

    try:
        with pytest.raises(InterruptedError):
            launch(worker, ("sleeps",), 2, heartbeat)
    finally:
        signal.signal(number, former)
    assert number in heard
