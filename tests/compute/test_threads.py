import time
from collections.abc import Callable

import pytest
import torch

from core.compute.threads import MOST, limited_threads, side_by_side

Tick = Callable[[int], None]


def test_a_slip_in_the_number_of_threads_does_no_harm() -> None:
    former = torch.get_num_threads()
    with limited_threads(10**9):
        assert torch.get_num_threads() == MOST
    assert torch.get_num_threads() == former


def test_works_side_by_side_answer_in_their_order() -> None:
    told: list[int] = []

    def work(number: int) -> Callable[[Tick], int]:
        def begin(tick: Tick) -> int:
            for _ in range(50):
                tick(number)
            return number

        return begin

    assert side_by_side([work(1), work(2)], told.append) == [1, 2]
    assert sorted(told) == [1] * 50 + [2] * 50


def test_the_others_end_when_one_of_the_works_fails() -> None:
    def fails(tick: Tick) -> None:
        raise ValueError("no more")

    def endless(tick: Tick) -> None:
        while True:
            tick(1)
            time.sleep(0.001)

    with pytest.raises(ValueError, match="no more"):
        side_by_side([fails, endless], lambda count: None)
    with pytest.raises(ValueError, match="no more"):
        side_by_side([endless, fails], lambda count: None)
