"""Whatever happens, the job directory holds exactly one exit marker."""

import signal

import pytest

from ..gate import wait_for
from .external_job import JOB, External, finish

SUCCESS, FAILURE, ABORTED = (
    ["RELION_JOB_EXIT_SUCCESS"],
    ["RELION_JOB_EXIT_FAILURE"],
    ["RELION_JOB_EXIT_ABORTED"],
)
ARGUMENTS = ("--o", JOB, "--in_parts", "Extract/job003/particles.star")


def test_success(external: External) -> None:
    done = external.run()
    assert (done.status, external.markers, done.err) == (0, SUCCESS, "")
    assert "1 of 2" in done.out
    assert f"{JOB}logfile.pdf" in done.out


def test_users_mistake_is_one_sentence(external: External) -> None:
    done = external.run(denoiser="mistake")
    assert (done.status, external.markers) == (1, FAILURE)
    assert done.err == "particles.star, row 7: no image name.\n"


@pytest.mark.parametrize(
    ("denoiser", "told"),
    [
        ("bug", "KeyError: 'a bug'"),
        ("exit", "SystemExit"),
        ("memory", "batch_size"),
        ("no output", "did not write its output"),
        ("no torch", "cannot load core.runs.denoise.run"),
        ("killed", "SIGKILL"),
        ("crash", "SIGABRT"),
    ],
)
def test_faults_of_ours_are_failures_and_explained(
    external: External, denoiser: str, told: str
) -> None:
    done = external.run(denoiser=denoiser)
    assert (done.status, external.markers) == (1, FAILURE)
    assert told in done.err
    assert not (external.folder / "RELION_OUTPUT_NODES.star").exists()
    if denoiser not in ("killed", "crash"):
        assert "Traceback" in done.err


@pytest.mark.parametrize("denoiser", ["slow", "clumsy", "deaf"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, None])
def test_abort(external: External, denoiser: str, number: signal.Signals | None) -> None:
    process = external.start(*ARGUMENTS, denoiser=denoiser)
    external.wait_until_busy(process)
    if number is None:
        (external.folder / "RELION_JOB_ABORT_NOW").touch()
    else:
        process.send_signal(number)
    done = finish(process)
    assert (done.status, external.markers) == (1, ABORTED)
    assert (number.name if number else "in RELION") in done.err
    assert ("half-closed writer" in done.err) == (denoiser == "clumsy")
    assert ("did not stop by itself" in done.err) == (denoiser == "deaf")


def test_abort_wins_over_a_success_of_the_same_moment(external: External) -> None:
    done = external.run(denoiser="last moment")
    assert (done.status, external.markers) == (1, ABORTED)
    assert not (external.folder / "RELION_OUTPUT_NODES.star").exists()


def test_ctrl_c_that_relion_switched_off_stays_off(external: External) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = external.start(*ARGUMENTS, denoiser="slow", KEEP_IGNORED="1")
    finally:
        signal.signal(signal.SIGINT, before)
    external.wait_until_busy(process)
    process.send_signal(signal.SIGINT)
    with pytest.raises(TimeoutError):
        wait_for(lambda: bool(external.markers), seconds=1)
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert external.markers == ABORTED
    assert "SIGTERM" in done.err


def test_continue_forgets_what_the_former_run_left(external: External) -> None:
    for marker in ("EXIT_FAILURE", "EXIT_ABORTED", "ABORT_NOW"):
        (external.folder / f"RELION_JOB_{marker}").touch()
    (external.folder / "job.star").write_text("data_job\n_rlnJobType 99\n")
    done = external.run()
    assert (done.status, external.markers) == (0, SUCCESS)


def test_abort_asked_for_while_the_job_waited_in_the_queue(external: External) -> None:
    (external.folder / "job.star").write_text("data_job\n_rlnJobType 99\n")
    (external.folder / "RELION_JOB_ABORT_NOW").touch()
    done = external.run(denoiser="slow")
    assert (done.status, external.markers) == (1, ABORTED)


def test_a_run_on_its_way_out_leaves_the_next_one_alone(external: External) -> None:
    """RELION removes the marker as soon as it sees it, if the user continues the job."""
    process = external.start(*ARGUMENTS, denoiser="slow exit")
    wait_for(lambda: bool(external.markers))
    (external.folder / external.markers[0]).unlink()
    assert finish(process).status == 0
    assert external.markers == []


def test_job_directory_that_vanished(external: External) -> None:
    process = external.start(*ARGUMENTS, denoiser="slow")
    external.wait_until_busy(process)
    external.folder.rename(external.project / "Trash")
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert done.status == 1
    assert "cannot write" in done.err
