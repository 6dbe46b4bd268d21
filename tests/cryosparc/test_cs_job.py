"""The contract of an external job, with work that takes no time."""

import signal
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from matplotlib.figure import Figure

from core.errors import IceblockError
from core.jobs.signals import JobStopped
from cryosparc_ext import connection, ending, joblog
from cryosparc_ext.connection import Connection
from cryosparc_ext.guard import OpenJob
from cryosparc_ext.job import Job
from cryosparc_ext.sources import find_source

from .lab import PROJECT, Lab

Work = Callable[[Job], None]


@pytest.fixture
def line(two_stacks: Lab) -> Iterator[Connection]:
    with Connection(two_stacks.server.url) as opened:
        yield opened


def run(line: Connection, work: Work, under_way: OpenJob | None = None) -> None:
    """Run a job that passes J1.extracted on, after `work`."""
    source = find_source(line, PROJECT, "J1", "particle", ["blob"])
    with Job(line, PROJECT, "W1", "a title", "a description", under_way) as job:
        job.connect("particles", source, ["blob"])
        job.declare("passed", "particle", ["blob"], "particles", "Passed on")
        job.start({"Fact": "value"})
        work(job)
        job.save("passed", job.load("particles", ["blob"]))


def assert_failed(lab: Lab, told: str) -> None:
    job = lab.job("J2")
    assert (job.status, job.completed_count) == ("failed", 0)
    assert told in lab.log("J2").rpartition("error: ")[2]
    assert lab.server.world.calls.count(("jobs.mark_failed", 200)) == 1


def test_completed_once(two_stacks: Lab, line: Connection) -> None:
    under_way = OpenJob()
    seen = []
    run(line, lambda job: seen.append(under_way.job), under_way)
    job = two_stacks.job("J2")
    assert (job.status, job.completed_count, job.parents) == ("completed", 1, ["J1"])
    assert (job.title, job.description) == ("a title", "a description")
    assert seen == [(two_stacks.server.url, None, PROJECT, "J2")]
    assert under_way.job is None
    assert "Fact: value" in two_stacks.log("J2")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (IceblockError("row 7: no image"), "row 7: no image"),
        (KeyError("a bug"), "KeyError: 'a bug'\nThis is a fault in iceblock"),
        (MemoryError(), "Memory ran out: ask for more memory or give a smaller --batch-size"),
        (OSError(28, "No space left on device"), "The disk or the quota is full"),
        (KeyboardInterrupt(), "The job was stopped by Ctrl-C"),
        (SystemExit(0), "SystemExit"),
        (JobStopped("stopped by SIGTERM"), "The job was stopped by SIGTERM."),
    ],
)
def test_whatever_is_raised_fails_the_job(
    two_stacks: Lab, line: Connection, error: BaseException, told: str
) -> None:
    def work(_: Job) -> None:
        raise error

    under_way = OpenJob()
    with pytest.raises(type(error)):
        run(line, work, under_way)
    assert_failed(two_stacks, told)
    assert under_way.job is None


def test_a_signal_at_the_last_moment(two_stacks: Lab, line: Connection) -> None:
    handler = signal.getsignal(signal.SIGTERM)

    def work(job: Job) -> None:
        job.save("passed", job.load("particles", ["blob"]))
        job._watch.shield()  # as at the end of the block
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(JobStopped):
        run(line, work)
    assert_failed(two_stacks, "stopped by SIGTERM")
    assert signal.getsignal(signal.SIGTERM) is handler


def test_an_output_that_was_not_saved(two_stacks: Lab, line: Connection) -> None:
    with pytest.raises(RuntimeError):
        run(line, lambda job: job.declare("more", "particle", ["blob"], "particles", "More"))
    assert_failed(two_stacks, "the job did not save its output more")


def test_an_output_that_comes_back_changed(
    two_stacks: Lab, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = two_stacks.server.calls.jobs_load_output

    def altered(*arguments: str, **more: object) -> object:
        data = load(*arguments, **more)
        data["blob/idx"] = np.roll(data["blob/idx"], 1)
        return data

    monkeypatch.setattr(two_stacks.server.calls, "jobs_load_output", altered)
    with pytest.raises(IceblockError):
        run(line, lambda job: None)
    assert_failed(two_stacks, "came back from CryoSPARC with another blob/idx")


def test_blobs_of_an_old_version_are_filled(two_stacks: Lab, line: Connection) -> None:
    data = two_stacks.load("J1", "extracted")
    data.drop_fields(["blob/import_sig"])
    data.save(two_stacks.project / "J1/extracted.cs")
    run(line, lambda job: None)
    assert two_stacks.load("J2", "passed")["blob/import_sig"].tolist() == [0] * 9


def test_new_items_get_uids(two_stacks: Lab, line: Connection) -> None:
    def work(job: Job) -> None:
        job.declare("new", "particle", ["blob"], None, "New")
        job.save("new", {"blob/path": ["a", "b"], "blob/psize_A": [1.5, float("nan")]})

    run(line, work)
    made = two_stacks.load("J2", "new")
    assert len(set(made["uid"])) == 2
    assert made["blob/path"].tolist() == ["a", "b"]


def test_a_failed_picture_fails_nothing(two_stacks: Lab, line: Connection) -> None:
    def draw() -> Figure:
        raise ZeroDivisionError("no image")

    run(line, lambda job: job.picture(draw, "Before and after", tile=True))
    assert two_stacks.job("J2").status == "completed"
    assert "warning: A picture could not be shown (Before and after): no image" in (
        two_stacks.log("J2")
    )


def gone(lab: Lab, back_after: float | None, timers: list[threading.Timer]) -> Work:
    def work(_: Job) -> None:
        lab.server.stop()
        if back_after is not None:
            timers.append(threading.Timer(back_after, lab.server.start))
            timers[0].start()

    return work


def test_server_gone_during_the_run(
    two_stacks: Lab, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.0)
    timers: list[threading.Timer] = []
    with pytest.raises(IceblockError):
        run(line, gone(two_stacks, 1.0, timers))
    timers[0].join()
    assert_failed(two_stacks, "did not answer (loading the input particles")
    assert "passed.cs" not in two_stacks.files("J2")


def test_server_away_for_a_moment(
    two_stacks: Lab, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 60.0)
    timers: list[threading.Timer] = []
    run(line, gone(two_stacks, 0.3, timers))
    timers[0].join()
    assert two_stacks.job("J2").status == "completed"


def test_server_gone_for_good(
    two_stacks: Lab,
    line: Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ending, "PATIENCE", 0.1)
    with pytest.raises(IceblockError, match="did not answer"):
        run(line, gone(two_stacks, None, []))
    told = "J2 could not be marked as failed and may still show as running"
    assert told in capsys.readouterr().err


def test_server_away_while_progress_is_shown(
    two_stacks: Lab, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hours of work do not depend on a line in the log."""
    monkeypatch.setattr(joblog, "REPORT_SECONDS", 0.0)

    def work(job: Job) -> None:
        print("\r1 of 2", end="", file=job.progress)
        job.heartbeat()
        two_stacks.server.stop()
        print("\r2 of 2\na remark", file=job.progress)
        job.heartbeat()
        two_stacks.server.start()

    run(line, work)
    assert two_stacks.log("J2").splitlines()[-2:] == ["2 of 2", "a remark"]


@pytest.mark.parametrize("status", ["building", "killed", "failed"])
def test_ended_in_cryosparc(
    two_stacks: Lab, line: Connection, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """Clearing or killing the job there stops the work here; the status stays as it was set."""
    monkeypatch.setattr(joblog, "REPORT_SECONDS", 0.0)

    def work(job: Job) -> None:
        two_stacks.job("J2").status = status  # type: ignore[assignment]
        job.heartbeat()

    with pytest.raises(JobStopped, match=f"set to {status} in CryoSPARC"):
        run(line, work)
    assert two_stacks.job("J2").status == status
    assert ("jobs.mark_failed", 200) not in two_stacks.server.world.calls
    assert "passed.cs" not in two_stacks.files("J2")
