"""One of two processes of a denoising run, as torchrun would start it: MODEL OUT [BATCHES].

With BATCHES the process is killed after so many of its own.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from core.errors import IceblockError
from core.runs.denoise import run as denoising
from core.runs.denoise.options import DenoiseOptions


def die_after(batches: int) -> None:
    """Count batches alone: how often a process beats while it waits depends on the others."""
    module: Any = denoising
    share = module.denoise_share
    done = 0

    def dying(*arguments: Any) -> Any:
        *first, watch, ctf = arguments

        def counted(*images: Any) -> None:
            nonlocal done
            watch(*images)
            done += 1
            if done == batches:
                os.kill(os.getpid(), signal.SIGKILL)

        return share(*first, counted, ctf)

    module.denoise_share = dying


def main(model: str, out: str, batches: int | None = None) -> int:
    if batches:
        die_after(batches)
    torch.set_num_threads(1)
    options = DenoiseOptions(
        Path("Extract/job003/particles.star"), Path(out), model, "cpu", batch_size=2
    )
    try:
        denoising.run(options)
    except IceblockError as error:
        print(f"iceblock: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], *map(int, sys.argv[3:])))
