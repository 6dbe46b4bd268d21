"""What the processes do that the tests of the launcher start; imports little, to start soon."""

import os
import time

import torch

from core.compute.distributed import joined
from core.errors import IceblockError

CPU = torch.device("cpu")


def worker(what: str) -> None:
    """Meet the other process, and end as `what` says."""
    with joined(CPU) as ranks:
        assert ranks.size == 2
        assert ranks.agree([ranks.rank + 1.5], CPU) == [1.5]
        assert ranks.mean({"a": float(ranks.rank)}, CPU) == {"a": 0.5}
        if what == "mistake" and ranks.rank == 1:
            raise IceblockError("File x is bad: make it good.")
        if what == "killed" and ranks.rank == 1:
            os.kill(os.getpid(), 9)
        time.sleep(60)
