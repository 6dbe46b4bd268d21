"""A denoising run in processes that torchrun or srun started, on one machine or on several.

The processes talk before the first stack and after the last one. Whatever a user has to know is
said by the first process; the others end quietly.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import torch
from torch import distributed as dist

from ...compute.distributed import Ranks
from ...denoise.stacks import Outcome
from ...errors import IceblockError

START = timedelta(minutes=10)
"""For a process to read everything but the images."""
WORK = timedelta(days=60)
"""For the last process to finish its stacks; a process that dies is noticed at once."""
POLL_SECONDS = 0.2


class Group:
    """The processes of a run, seen from one of them.

    Parameters
    ----------
    ranks
        Of this process; alone, it agrees with itself.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self._end: Any = None
        if ranks.size > 1:
            with self._connected():
                self._end = dist.new_group(timeout=WORK, backend="gloo")

    @contextlib.contextmanager
    def agreeing(self, *, patient: bool = False) -> Iterator[None]:
        """End all processes after the `with` block if it raised an IceblockError in one of them.

        What may take longer than `START` in one of them is waited for where all are patient.
        """
        mine: IceblockError | None = None
        try:
            yield
        except IceblockError as error:
            mine = error
        if patient and self.ranks.size > 1:
            self._add_up(torch.zeros(1))
        with self._connected():
            sentences = self.ranks.gather(None if mine is None else str(mine))
        said = [sentence for sentence in sentences if sentence is not None]
        if not said:
            return
        if self.ranks.first:
            raise mine or IceblockError(said[0])
        raise SystemExit(1)

    def confirm(self, *, patient: bool = False) -> None:
        """Wait until all processes have come here; end with those that could not."""
        with self.agreeing(patient=patient):
            pass

    def tell(self, thing: Any) -> Any:
        """Give what the first process has."""
        with self._connected():
            return self.ranks.tell(thing)

    def finish(self, outcome: Outcome, heartbeat: Callable[[], None]) -> Outcome:
        """Wait until all processes have done their stacks; returns what they did together."""
        if self.ranks.size == 1:
            return outcome
        counts = torch.tensor([outcome.computed, outcome.found])
        self._add_up(counts, heartbeat)
        computed, found = counts.tolist()
        return Outcome(computed=computed, found=found)

    def _add_up(self, values: torch.Tensor, heartbeat: Callable[[], None] = lambda: None) -> None:
        """Put the sums over all processes into `values`, however long the last one takes."""
        with self._connected():
            work = dist.all_reduce(values, group=self._end, async_op=True)
        while not work.is_completed():  # waiting inside torch, Ctrl-C would not be heard
            heartbeat()
            time.sleep(POLL_SECONDS)
        with self._connected():
            work.wait()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        """Say in a sentence that another process is gone."""
        try:
            yield
        except RuntimeError as error:
            raise IceblockError(
                f"Process {self.ranks.rank} of {self.ranks.size} finds another one gone: see what "
                "that one said; the same command goes on where this run was"
            ) from error
