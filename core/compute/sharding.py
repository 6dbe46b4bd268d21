"""Share stacks over processes."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def owners(weights: Sequence[int], processes: int) -> list[int]:
    """Give each stack to a process, so that all processes have about as much to do.

    The largest stack goes first, each to the process that has least so far; equal input gives
    equal shares, so that no process has to be told.

    Parameters
    ----------
    weights
        (N,) work in each stack, in any unit.
    processes
        How many.

    Returns
    -------
    owners
        (N,) numbers of processes, from 0.
    """
    loads = [(0, process) for process in range(processes)]
    result = [0] * len(weights)
    for stack in sorted(range(len(weights)), key=lambda stack: -weights[stack]):
        load, process = loads[0]
        result[stack] = process
        heapq.heapreplace(loads, (load + weights[stack], process))
    return result
