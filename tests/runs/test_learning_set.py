"""What the particles of a set have in common is learned once, and changes their images alike."""

import json
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import torch

from core.compute import threads
from core.denoise.known_set_file import read_sets
from core.errors import IceblockError
from core.runs.denoise import learning
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run
from core.sets.covariance.learn import FEWEST
from core.sets.covariance.set_file import read_priors
from core.signal.ctf import CtfParameters

from .set_project import (
    EACH,
    MODEL,
    STACKS,
    STAR,
    N,
    no_pages,
    simulated,
    write_model,
    write_stacks,
    write_star,
)

__all__ = ["no_pages"]

SET = Path("Out") / learning.SET
BATCH = 5
KINDS = ("mrcs", "confidence")
"""Of the files that are made of each stack."""


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def particles() -> tuple[np.ndarray, CtfParameters]:
    return simulated()


@pytest.fixture(scope="module")
def made(
    particles: tuple[np.ndarray, CtfParameters], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A project and its particles denoised, undisturbed by one process (Out) and each alone."""
    folder = tmp_path_factory.mktemp("set")
    write_model(folder)
    write_stacks(folder, particles[0])
    write_star(folder, particles[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        denoise()
        denoise(out=Path("Alone"), each_alone=True)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, entered, without outputs."""
    for path in made.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def denoise(heartbeat: Callable[[], None] = lambda: None, **changes: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "particles": STAR, "out": Path("Out"), "model": MODEL, "device": "cpu",
        "batch_size": BATCH, "threads": 1, "confidence": True,
    }  # fmt: skip
    return run(DenoiseOptions(**{**usual, **changes}), heartbeat=heartbeat).record.plain()


def images(out: Path = Path("Out")) -> np.ndarray:
    return np.concatenate([mrcfile.read(out / f"Particles/{k}.mrcs") for k in range(STACKS)])


def stop_after(beats: int) -> Callable[[], None]:
    """Raise at the heartbeat after so many."""
    left = [beats]

    def heartbeat() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Stopped

    return heartbeat


def stop_after_a_stack() -> Callable[[], None]:
    """Raise at the first heartbeat that finds a denoised stack."""

    def heartbeat() -> None:
        if any(Path("Out/Particles").glob("[!.]*.mrcs")):
            raise Stopped

    return heartbeat


def assert_as_undisturbed(made: Path) -> None:
    made_of_stacks = [f"Particles/{k}.{kind}" for k in range(STACKS) for kind in KINDS]
    for name in (learning.SET, learning.WEIGHTS, *made_of_stacks):
        assert (Path("Out") / name).read_bytes() == (made / "Out" / name).read_bytes(), name


def test_a_set_changes_the_result(made: Path) -> None:
    learned, alone = images(made / "Out"), images(made / "Alone")
    apart = np.linalg.norm(learned - alone, axis=(1, 2))
    assert (apart > 0.02 * np.linalg.norm(alone, axis=(1, 2))).all()
    assert not (made / "Alone" / learning.SET).exists()
    assert json.loads((made / "Alone/run.json").read_text())["sets"] == []
    (said,) = json.loads((made / "Out/run.json").read_text())["sets"]
    ((key, prior),) = read_priors(made / "Out" / learning.SET).items()
    assert key == (said["box"], said["pixel_size"]) == (32, 4.0)
    assert said["learned_from"] == prior.count
    assert FEWEST <= prior.count <= N
    assert said["components"] == len(prior.components) > 0
    assert "network" in said["shares"]
    names = [one["name"] for one in said["evidence"]["told"]]
    assert (names[0], names[-1]) == ("raw", "result")
    assert "network" in names
    ((_, known),) = read_sets(made / "Out").items()
    assert known.evidence is not None
    assert known.evidence.plain() == said["evidence"]


@pytest.mark.parametrize(("n", "learned"), [(FEWEST, True), (FEWEST - 1, False)])
def test_less_than_enough_teach_nothing(
    project: Path, particles: tuple[np.ndarray, CtfParameters], n: int, learned: bool
) -> None:
    write_star(project, particles[1], n)
    record = denoise()
    assert bool(record["sets"]) == ("learning_seconds" in record) == learned
    assert bool(read_priors(SET)) == learned
    denoise(out=Path("Alone"), each_alone=True)
    assert np.array_equal(images(), images(Path("Alone"))) != learned


@pytest.mark.parametrize("changes", [{"processes": 2}, {"threads": 3}])
def test_neither_processes_nor_threads_change_a_byte(
    project: Path, made: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    denoise(**changes)
    torch.set_num_threads(before)
    assert_as_undisturbed(made)


def test_stopped_while_it_learns(
    project: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    stopped = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            stopped.set()
            super().shutdown(wait)

    def read_two(stack: Any, indices: Any) -> Any:
        """Read on after two pieces when the run has been told to stop, not before."""
        read.append(len(indices))
        if len(read) > 2:
            stopped.wait()
        return mrcfile.read(stack.path)[indices]

    with monkeypatch.context() as patch:
        patch.setattr(learning, "read_images", read_two)
        patch.setattr(threads, "ThreadPoolExecutor", Pool)
        with pytest.raises(Stopped):
            denoise(stop_after(2))
    assert len(read) < N // 32  # the rest was not read
    assert not SET.exists()
    assert not Path("Out/Particles").exists()
    denoise()
    assert_as_undisturbed(made)


def test_stopped_while_it_denoises(project: Path, made: Path) -> None:
    with pytest.raises(Stopped):
        denoise(stop_after_a_stack())
    assert len(list(Path("Out/Particles").glob("[!.]*.mrcs"))) in range(1, STACKS)
    before = SET.stat()
    assert denoise()["found_whole"] > 0
    assert SET.stat() == before
    assert_as_undisturbed(made)


@pytest.mark.parametrize("data", [b"", b"nonsense", None])
def test_damaged_set_is_learned_again(project: Path, made: Path, data: bytes | None) -> None:
    with pytest.raises(Stopped):
        denoise(stop_after_a_stack())
    SET.write_bytes(SET.read_bytes()[:-9] if data is None else data)
    denoise()
    assert_as_undisturbed(made)


def test_set_that_goes_while_particles_are_denoised(project: Path) -> None:
    """The rest would otherwise be denoised in another way than the start."""
    options = DenoiseOptions(STAR, Path("Out"), MODEL)
    with pytest.raises(IceblockError, match=r"set\.safetensors and .* same command again"):
        learning.learned_sets(options)
    assert learning.learned_sets(replace(options, each_alone=True)) == {}


def test_without_ctf_columns(project: Path, made: Path) -> None:
    write_star(project, None)
    assert denoise()["sets"]
    ((_, prior),) = read_priors(SET).items()
    assert len(prior.transfers) == 1
    assert not np.array_equal(images(), images(made / "Out"))
    denoise(out=Path("Alone"), each_alone=True)
    assert not np.array_equal(images(), images(Path("Alone")))


def test_unusable_images_are_not_learned_from(
    project: Path, particles: tuple[np.ndarray, CtfParameters]
) -> None:
    spoilt = particles[0].copy()
    spoilt[[3, 50]] = np.nan
    spoilt[EACH : EACH + 2] = 0
    write_stacks(project, spoilt)
    record = denoise()
    assert record["passed_through"] == 4
    assert record["sets"][0]["learned_from"] <= N - 4
    found = images()
    assert np.isnan(found[[3, 50]]).all()
    assert np.isfinite(np.delete(found, [3, 50], axis=0)).all()


def test_only_unusable_images(project: Path) -> None:
    write_stacks(project, np.zeros((N, 32, 32)))
    record = denoise()
    assert (record["passed_through"], record["sets"]) == (N, [])


def test_noise_alone(project: Path) -> None:
    write_stacks(project, np.random.default_rng(3).standard_normal((N, 32, 32)))
    assert denoise()["state"] == "finished"
    assert np.isfinite(images()).all()


def test_black_particles(
    project: Path, made: Path, particles: tuple[np.ndarray, CtfParameters]
) -> None:
    write_stacks(project, -particles[0])
    assert denoise(contrast="black")["sets"]
    assert np.array_equal(images(), -images(made / "Out"))
    prior, other = (read_priors(path) for path in (SET, made / "Out" / learning.SET))
    assert torch.equal(prior[32, 4.0].mean, other[32, 4.0].mean)


def test_two_pixel_sizes_are_two_sets(
    project: Path, particles: tuple[np.ndarray, CtfParameters]
) -> None:
    twice = CtfParameters(**{k: np.tile(v, 2) for k, v in vars(particles[1]).items()})
    for k in range(STACKS):
        shutil.copy(f"{k}.mrcs", f"{k + STACKS}.mrcs")
    write_star(project, twice, 2 * N, (4.0, 5.0))
    record = denoise()
    assert [(s["box"], s["pixel_size"]) for s in record["sets"]] == [(32, 4.0), (32, 5.0)]
    assert sorted(read_priors(SET)) == [(32, 4.0), (32, 5.0)]
    write_star(project, twice, 150, (4.0, 5.0, 4.0))  # 100 and 50
    sets = denoise(overwrite=True)["sets"]
    assert [(s["pixel_size"], s["learned_from"]) for s in sets] == [(4.0, 100)]


def test_each_alone_is_another_run(project: Path, made: Path) -> None:
    denoise()
    with pytest.raises(IceblockError, match=r"different: .*each alone"):
        denoise(each_alone=True)
    denoise(each_alone=True, overwrite=True)
    assert not SET.exists()
    assert np.array_equal(images(), images(made / "Alone"))
    with pytest.raises(IceblockError, match=r"different: .*each alone"):
        denoise()
    denoise(overwrite=True)
    assert_as_undisturbed(made)


def test_overwrite_learns_anew(project: Path, made: Path) -> None:
    denoise()
    inode, whole = SET.stat().st_ino, SET.read_bytes()
    write_stacks(project, np.random.default_rng(5).permutation(np.concatenate(
        [mrcfile.read(f"{k}.mrcs") for k in range(STACKS)])))  # fmt: skip
    denoise(overwrite=True)
    assert (SET.stat().st_ino, SET.read_bytes()) != (inode, whole)
    assert SET.read_bytes() != whole
