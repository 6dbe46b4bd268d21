"""Algorithm 1 by integral image against the double loop of the paper, on one label matrix.

    python benchmarks/extractor.py --side 4096 --window 256 --stride 8

The loop asks numpy whether any label of a window is set, which is the fastest way of writing it;
`== 0` and `all`, as the paper puts it, is slower. Both find the same windows. Times are CPU times
of one thread, since machines are shared: the loop's own, and the median of many calls of the
integral image made before and after it. The table also has the same windows on a coarse label
grid, and `thin`. The result is appended to benchmarks/RESULTS.md.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import click
import numpy as np
from measures.windows import empty_windows, empty_windows_scaled
from results import record

from core.noise.extractor import thin

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt


def labels_of(side: int, particles: int) -> npt.NDArray[np.uint8]:
    """Discs at random places, each a 27th of the side across."""
    labels = np.zeros((side, side), dtype=np.uint8)
    radius = side // 54
    disc = np.hypot(*np.ogrid[-radius:radius, -radius:radius]) < radius
    for y, x in np.random.default_rng(0).integers(0, side - 2 * radius, (particles, 2)):
        labels[y : y + 2 * radius, x : x + 2 * radius][disc] = 2
    return labels


def double_loop(labels: npt.NDArray[np.uint8], window: int, stride: int) -> npt.NDArray[np.int64]:
    """Algorithm 1 as printed, with its slips mended."""
    corners = [
        (y, x)
        for y in range(0, labels.shape[0] - window + 1, stride)
        for x in range(0, labels.shape[1] - window + 1, stride)
        if not labels[y : y + window, x : x + window].any()
    ]
    return np.asarray(corners, dtype=np.int64).reshape(-1, 2)


def seconds(call: Callable[[], object], times: int) -> list[float]:
    """CPU times of repeated calls."""
    found = []
    for _ in range(times):
        begin = time.process_time()
        call()
        found.append(time.process_time() - begin)
    return found


@click.command()
@click.option("--side", default=4096, show_default=True, help="Of the label matrix, pixels.")
@click.option("--window", default=256, show_default=True)
@click.option("--stride", default=8, show_default=True)
@click.option("--particles", default=100, show_default=True)
@click.option("--cells", default=303, show_default=True, help="Side of the coarse label grid.")
def main(side: int, window: int, stride: int, particles: int, cells: int) -> None:
    """Compare `empty_windows` with a double loop."""
    labels = labels_of(side, particles)
    coarse = labels_of(cells, particles)
    found: list[npt.NDArray[np.int64]] = []

    def fast() -> None:
        empty_windows(labels, window, stride)

    times = seconds(fast, 20)
    slow = seconds(lambda: found.append(double_loop(labels, window, stride)), 1)[0]
    times += seconds(fast, 20)
    corners = empty_windows(labels, window, stride)
    if not np.array_equal(corners, found[0]):
        raise click.ClickException("the double loop and the integral image differ")
    quick = statistics.median(times)
    scaled = statistics.median(
        seconds(
            lambda: empty_windows_scaled(coarse, (side, side), side / cells, window, stride), 20
        )
    )
    thinned = statistics.median(seconds(lambda: thin(corners, window, 0.25), 5))
    record(
        f"Algorithm 1 on {side}×{side}, window {window}, stride {stride}",
        [
            "| | CPU ms |",
            "|---|---|",
            f"| double loop, {len(corners)} empty windows found | {1e3 * slow:.0f} |",
            f"| `empty_windows`, the same windows | {1e3 * quick:.2f} |",
            f"| **ratio** | **{slow / quick:.0f}** |",
            f"| `empty_windows_scaled`, labels {cells}×{cells} | {1e3 * scaled:.2f} |",
            f"| `thin` of the {len(corners)} windows to an overlap of 0.25 | {1e3 * thinned:.1f} |",
        ],
    )


if __name__ == "__main__":
    main()
