from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from core.denoise.batches import batch_size
from core.denoise.inference import Denoiser
from core.denoise.model_file import Model
from core.denoise.stacks import Output, denoise_stacks
from core.images.mrc.reader import read_header
from core.images.output_plan import StackJob

N, BOX, BATCH = 23, 32, 4


class Stopped(Exception):
    pass


class Watch:
    """Counts images; stops the run after some calls."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.calls, self.stop_after = 0, stop_after
        self.computed = self.found = 0

    def __call__(self, done: int, computed: bool) -> None:
        self.calls += 1
        if computed:
            self.computed += done
        else:
            self.found += done
        if self.calls > self.stop_after:
            raise Stopped


@pytest.fixture
def jobs(tmp_path: Path) -> list[StackJob]:
    rng = np.random.default_rng(0)
    result = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.mrcs"
        with mrcfile.new(path) as file:
            file.set_data(rng.standard_normal((N, BOX, BOX)).astype(np.float32))
        indices = np.delete(np.arange(N), 5)
        result.append(StackJob(read_header(path), path.name, f"{name}.mrcs", 4.0, indices, indices))
    return result


def denoise(
    jobs: list[StackJob], model: Model, folder: Path, watch: Watch, confidence: bool = False
) -> None:
    denoise_stacks(
        jobs,
        Denoiser(model, torch.device("cpu")),
        Output(
            folder,
            unusable_list=folder / "unusable.txt",
            outlier_list=folder / "outliers.txt",
            batch=BATCH,
            confidence=confidence,
        ),
        watch,
    )


@pytest.mark.parametrize("stop_after", [0, 1, 3, 6, 7, 8, 9, 12])
def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path, stop_after: int
) -> None:
    denoise(jobs, tiny_model, tmp_path / "whole", Watch())
    with pytest.raises(Stopped):
        denoise(jobs, tiny_model, tmp_path / "stopped", Watch(stop_after))
    second = Watch()
    denoise(jobs, tiny_model, tmp_path / "stopped", second)
    for name in ("a.mrcs", "b.mrcs"):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "stopped" / name).read_bytes() == whole
    assert second.computed + second.found == 2 * (N - 1)
    assert second.found >= BATCH * max(0, stop_after - 3)
    assert not list((tmp_path / "stopped").glob(".*"))


def test_whole_stacks_are_not_made_again(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path
) -> None:
    denoise(jobs, tiny_model, tmp_path / "out", Watch())
    before = (tmp_path / "out" / "a.mrcs").stat().st_mtime_ns
    watch = Watch()
    denoise(jobs, tiny_model, tmp_path / "out", watch)
    assert (watch.computed, watch.found) == (0, 2 * (N - 1))
    assert (tmp_path / "out" / "a.mrcs").stat().st_mtime_ns == before


@pytest.mark.parametrize("keep", [0, 500, 3000])
def test_a_damaged_stack_is_made_again(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path, keep: int
) -> None:
    denoise(jobs, tiny_model, tmp_path / "out", Watch())
    path = tmp_path / "out" / "a.mrcs"
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    denoise(jobs, tiny_model, tmp_path / "out", Watch())
    assert path.read_bytes() == whole


def test_output_follows_the_chosen_images(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path
) -> None:
    denoise(jobs, tiny_model, tmp_path / "out", Watch())
    out = mrcfile.read(tmp_path / "out" / "a.mrcs")
    raw = mrcfile.read(jobs[0].stack.path)[jobs[0].indices]
    expected, _ = Denoiser(tiny_model, torch.device("cpu"))(raw[BATCH : 2 * BATCH].copy(), 4.0)
    np.testing.assert_array_equal(out[BATCH : 2 * BATCH], expected)


def test_batches_stay_within_memory() -> None:
    assert batch_size(64, "cpu") == 64
    assert batch_size(64, "cuda") == 256
    assert batch_size(4096, "cuda") == 1
