"""Batches overlap: on threads, and on a GPU, for which a stand-in is used."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.compute.overlap import Overlap, pinned
from core.compute.threads import limited_threads
from core.denoise.inference import Denoiser
from core.denoise.model_file import Model
from core.denoise.pipeline import Batch, in_turn
from core.errors import IceblockError
from core.images.output_plan import StackJob

from .test_stacks import BATCH, N, Watch, denoise, jobs

__all__ = ["jobs"]
CPU = torch.device("cpu")
KEYS = torch.arange(8)


def raw(n: int, box: int = 40) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, box, box)).astype(np.float32)


class Full:
    """A network on a device whose memory holds a few images."""

    def __init__(self, network: Any, room: int) -> None:
        self.network, self.room, self.given = network, room, []

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        self.given.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(images)


def with_room(model: Model, room: int) -> tuple[Denoiser, Full]:
    denoiser = Denoiser(model, CPU)
    network = Full(denoiser.network._network, room)
    denoiser.network._network = network
    return denoiser, network


@pytest.mark.parametrize("confidence", [False, True])
def test_what_memory_does_not_hold_is_done_in_halves(tiny_model: Model, confidence: bool) -> None:
    images = torch.from_numpy(raw(8))
    whole, _ = Denoiser(tiny_model, CPU)._in_portions(
        images, 4.0, None, KEYS, 4 if confidence else 1
    )
    denoiser, network = with_room(tiny_model, 3)
    parts, agreed = denoiser._in_portions(images, 4.0, None, KEYS, 4 if confidence else 1)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)
    assert agreed.shape == (8,)
    assert network.given[:2] == [8, 4]
    network.given.clear()
    denoiser._in_portions(images, 4.0, None, KEYS, 1)  # it has learned how many fit
    assert network.given == [2, 2, 2, 2]


def test_where_not_one_image_fits(tiny_model: Model) -> None:
    denoiser, _ = with_room(tiny_model, 0)
    with pytest.raises(IceblockError, match="does not hold one image of 40 pixels"):
        denoiser(raw(3), 4.0)


def test_one_batch_is_always_under_way(
    jobs: list[StackJob], tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is begun before the answer to the last one is asked for."""
    denoise(jobs, tiny_model, tmp_path / "plain", Watch())
    told: list[str] = []
    begin = Denoiser.begin

    def noted(self: Denoiser, *given: Any, **further: Any) -> Any:
        number = sum(word.startswith("begun") for word in told)
        told.append(f"begun {number}")
        wait = begin(self, *given, **further)

        def answer() -> Any:
            told.append(f"asked {number}")
            return wait()

        return answer

    monkeypatch.setattr(Denoiser, "begin", noted)
    denoise(jobs[:1], tiny_model, tmp_path / "ahead", Watch())
    batches = -(-(N - 1) // BATCH)
    assert told.index("begun 1") < told.index("asked 0")
    assert [word for word in told if "asked" in word] == [f"asked {k}" for k in range(batches)]
    name = jobs[0].output
    assert (tmp_path / "ahead" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


@pytest.mark.parametrize("threads", [1, 2, 6])
def test_there_is_work_for_all_threads_and_the_result_is_the_same(
    tiny_model: Model, threads: int
) -> None:
    """Also where somebody stops in the middle, torch has its threads back at the end."""
    images, before = raw(12), torch.get_num_threads()
    whole, _ = Denoiser(tiny_model, CPU)(images, 4.0)
    with limited_threads(threads):
        denoiser = Denoiser(tiny_model, CPU)
        given = [(images[k : k + 2], 4.0, 1, None) for k in range(0, 12, 2)]
        asked = 0

        def counted() -> Iterator[Batch]:
            nonlocal asked
            for batch in given:
                asked += 1
                yield batch

        with closing(in_turn(denoiser, counted())) as answers:
            first = next(answers)
            assert asked == 1 + max(1, threads // 2)
        assert torch.get_num_threads() == threads
        answered = [answer.denoised for answer in in_turn(denoiser, given)]
    assert torch.get_num_threads() == before
    np.testing.assert_array_equal(answered[0], first.denoised)
    np.testing.assert_allclose(np.concatenate(answered), whole, rtol=0, atol=1e-5)


class Streams:
    """Records what a GPU's streams are asked to do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.now = "main"
        said, streams = self.said, self

        class Stream:
            made = 0

            def __init__(self, name: object = None) -> None:
                Stream.made += 1
                self.name = name if isinstance(name, str) else ("ahead", "back")[Stream.made - 1]

            def wait_stream(self, other: "Stream") -> None:
                said.append(f"{self.name} waits for {other.name}")

        class Inside:
            def __init__(self, stream: Stream) -> None:
                self.stream = stream

            def __enter__(self) -> None:
                streams.now = self.stream.name

            def __exit__(self, *_: object) -> None:
                streams.now = "main"

        class Event:
            def record(self, stream: Stream) -> None:
                said.append(f"event on {stream.name}")

            def synchronize(self) -> None:
                said.append("the CPU waits")

        main = Stream("main")
        Stream.made = 0
        monkeypatch.setattr(torch.cuda, "Stream", Stream)
        monkeypatch.setattr(torch.cuda, "stream", Inside)
        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: main)
        monkeypatch.setattr(
            torch.Tensor, "record_stream", lambda t, stream: said.append(f"used on {stream.name}")
        )
        empty = torch.empty

        def host(*shape: Any, pin_memory: bool = False, **further: Any) -> torch.Tensor:
            if pin_memory:
                said.append(f"pinned on {streams.now}")
            return empty(*shape, **further)

        monkeypatch.setattr(torch, "empty", host)


def test_streams_wait_for_each_other_and_the_cpu_for_the_answer_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams = Streams(monkeypatch)
    overlap = Overlap(torch.device("cuda"))
    with overlap.ahead():
        assert streams.now == "ahead"
    tensor = torch.arange(4.0)
    overlap.join(tensor)
    wait = overlap.fetch([tensor])
    assert streams.said == [
        "main waits for ahead", "used on main", "back waits for main", "pinned on back",
        "used on back", "event on back",
    ]  # fmt: skip
    (found,) = wait()
    assert streams.said[-1] == "the CPU waits"
    np.testing.assert_array_equal(found, tensor)


def test_on_a_cpu_there_is_nothing_to_overlap(tiny_model: Model) -> None:
    overlap = Overlap(CPU)
    assert not overlap.active
    images = raw(3)
    assert np.shares_memory(pinned(images, CPU).numpy(), images)
    tensor = torch.arange(3)
    with overlap.ahead():
        overlap.join(tensor)
    assert np.shares_memory(overlap.fetch([tensor])()[0], tensor.numpy())
    denoiser = Denoiser(tiny_model, CPU)
    assert denoiser.portions.most == sys.maxsize
    np.testing.assert_array_equal(denoiser.begin(images, 4.0)().denoised, denoiser(images, 4.0)[0])
