"""Work on a batch in portions that the device's memory holds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import torch

from ..errors import IceblockError

Result = TypeVar("Result")


class Portions:
    """The size of portions: all at once, until that is once too much; then half, and so on.

    Parameters
    ----------
    device
        Where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.most = sys.maxsize

    def each(self, count: int, work: Callable[[slice], Result], one: str) -> list[Result]:
        """Do the work for `count` rows, portion by portion, in order.

        Parameters
        ----------
        count
            Number of rows.
        work
            Does it for some rows.
        one
            What a single row is, for the message.

        Raises
        ------
        IceblockError
            If the memory does not hold one row.
        """
        made: list[Result] = []
        start = 0
        while start < count:
            size = min(self.most, count - start)
            try:
                made.append(work(slice(start, start + size)))
                start += size
                continue
            except torch.OutOfMemoryError as error:
                if size == 1:
                    raise IceblockError(
                        f"The memory of {self.device} does not hold {one}: stop other programs "
                        "that use this GPU, or give --device cpu."
                    ) from error
            torch.cuda.empty_cache()  # after the error is gone, which holds what did not fit
            self.most = size // 2
        return made
