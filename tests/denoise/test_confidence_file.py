"""Confidences stay with their stack, whatever stops a run."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.denoise.confidence_file import (
    ConfidenceWriter,
    confidence_path,
    has_confidences,
    read_confidences,
)
from core.denoise.inference import Denoiser
from core.denoise.model_file import Model
from core.errors import IceblockError
from core.images.disk import partial_path
from core.images.mrc.reader import read_images
from core.images.output_plan import StackJob

from .test_stacks import BATCH, N, Stopped, Watch, denoise, jobs

__all__ = ["jobs"]


def values(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("a.confidence", "b.confidence")]


@pytest.fixture
def whole(jobs: list[StackJob], tiny_model: Model, tmp_path: Path) -> Path:
    denoise(jobs, tiny_model, tmp_path / "whole", Watch(), confidence=True)
    return tmp_path / "whole"


@pytest.mark.parametrize("stop_after", [0, 1, 3, 6, 7, 8, 12])
def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path, whole: Path, stop_after: int
) -> None:
    out = tmp_path / "stopped"
    with pytest.raises(Stopped):
        denoise(jobs, tiny_model, out, Watch(stop_after), confidence=True)
    second = Watch()
    denoise(jobs, tiny_model, out, second, confidence=True)
    assert values(out) == values(whole)
    assert (out / "a.mrcs").read_bytes() == (whole / "a.mrcs").read_bytes()
    assert second.found >= BATCH * max(0, stop_after - 3)
    assert not list(out.glob(".*"))


def test_they_are_those_of_the_denoiser(
    jobs: list[StackJob], tiny_model: Model, whole: Path
) -> None:
    raw = read_images(jobs[1].stack, jobs[1].indices)
    denoiser = Denoiser(tiny_model, torch.device("cpu"))
    expected = denoiser.answer(raw, 4.0, confidence=True).confidence
    assert len(np.unique(expected)) == N - 1
    np.testing.assert_array_equal(read_confidences(whole / "b.mrcs", N - 1), expected)


def test_stacks_do_not_depend_on_them(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path, whole: Path
) -> None:
    denoise(jobs, tiny_model, tmp_path / "plain", Watch())
    assert (tmp_path / "plain/a.mrcs").read_bytes() == (whole / "a.mrcs").read_bytes()
    assert not has_confidences(tmp_path / "plain/a.mrcs", N - 1)


@pytest.mark.parametrize("keep", [None, 0, 9])
def test_without_its_confidences_a_stack_is_made_again(
    jobs: list[StackJob], tiny_model: Model, whole: Path, keep: int | None
) -> None:
    before = values(whole)
    path = confidence_path(whole / "a.mrcs")
    if keep is None:
        path.unlink()
    else:
        path.write_bytes(before[0][:keep])
    watch = Watch()
    denoise(jobs, tiny_model, whole, watch, confidence=True)
    assert values(whole) == before
    assert watch.computed == N - 1


def test_a_stack_that_is_ahead_of_them_begins_again(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path, whole: Path
) -> None:
    out = tmp_path / "stopped"
    with pytest.raises(Stopped):
        denoise(jobs, tiny_model, out, Watch(4), confidence=True)
    partial = partial_path(confidence_path(out / "a.mrcs"))
    partial.write_bytes(partial.read_bytes()[:6])  # what a failing power supply may leave
    watch = Watch()
    denoise(jobs, tiny_model, out, watch, confidence=True)
    assert values(out) == values(whole)
    assert watch.computed == 2 * (N - 1)


def test_what_is_kept(tmp_path: Path) -> None:
    stack = tmp_path / "s.mrcs"
    first = ConfidenceWriter(stack)
    assert first.keep(0)
    first.append(np.array([0.1, 0.2, 0.3], dtype=np.float32))
    again = ConfidenceWriter(stack)
    assert again.keep(2)
    again.append(np.array([0.9], dtype=np.float32))
    again.close()
    np.testing.assert_array_equal(read_confidences(stack, 3), np.float32([0.1, 0.2, 0.9]))
    assert not ConfidenceWriter(stack).keep(4)
    with pytest.raises(IceblockError, match=r"s\.confidence holds 3 values for 4 images"):
        read_confidences(stack, 4)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IceblockError, match=r"s\.confidence does not exist"):
        read_confidences(tmp_path / "s.mrcs", 3)
    with pytest.raises(IceblockError, match="cannot be written"):
        ConfidenceWriter(tmp_path / "nowhere" / "s.mrcs").keep(0)
