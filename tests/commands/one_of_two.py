"""One of two processes of a denoising run, as torchrun would start it: MODEL OUT [BATCHES].

With BATCHES the process is killed after so many.
"""

import os
import signal
import sys
from pathlib import Path

import torch

from core.errors import IceblockError
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run


def main(model: str, out: str, batches: int | None = None) -> int:
    beats = -1  # the first one comes before the first batch

    def heartbeat() -> None:
        nonlocal beats
        beats += 1
        if beats == batches:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    options = DenoiseOptions(
        Path("Extract/job003/particles.star"), Path(out), model, "cpu", batch_size=2
    )
    try:
        run(options, heartbeat=heartbeat)
    except IceblockError as error:
        print(f"iceblock: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], *map(int, sys.argv[3:])))
