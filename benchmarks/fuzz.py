"""Read many broken files with iceblock's own readers; none may do more than refuse.

    python benchmarks/fuzz.py --n 100000                  of all kinds together
    python benchmarks/fuzz.py --kind star --n 1000 --seed 3

Files are made from small, whole ones by seeded mutations (tests/hostile). Each has to be read, or
refused with one sentence: any other exception, a crash, more than 5 s of processor time, more than
2 GB of memory, a write outside the output folder or foreign code is a finding. A file that is a
finding is kept in --keep, with its traceback and its number; the same seed makes it again.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.hostile.hostile_sandbox import Finding, Tally, broken, fuzz, write_mutated  # noqa: E402
from tests.hostile.hostile_targets import KINDS  # noqa: E402

KEPT_OF_A_CAUSE = 3


@click.command()
@click.option("--n", default=100_000, show_default=True, help="Files of all kinds together.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="[default: all]"
)
@click.option("--start", default=0, help="Number of the first file of each kind.")
@click.option(
    "--keep", default=Path(tempfile.gettempdir()) / "iceblock-fuzz", show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the files that are findings.",
)  # fmt: skip
def main(n: int, seed: int, kinds: tuple[str, ...], start: int, keep: Path) -> None:
    """Print what became of the files, and exit with 1 where there are findings."""
    import torch

    torch.set_num_threads(1)
    kinds = kinds or tuple(KINDS)
    share = -(-n // len(kinds))
    click.echo("kind            files     read  refused   files/s  memory MB  slowest s  findings")
    found: list[Finding] = []
    for kind in kinds:
        shm = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as scratch:
            begin = time.perf_counter()
            tally = fuzz(kind, range(start, start + share), seed, Path(scratch))
            _print(kind, share, time.perf_counter() - begin, tally)
            _keep(tally.findings, seed, Path(scratch) / "whole", keep)
        found += tally.findings
    for cause, count in Counter(one.signature for one in found).most_common():
        first = next(one.number for one in found if one.signature == cause)
        click.echo(f"{count:6d} x {cause} (first: {first})")
    sys.exit(1 if found else 0)


def _print(kind: str, count: int, seconds: float, tally: Tally) -> None:
    click.echo(
        f"{kind:12s}{count:9d}{tally.read:9d}{tally.refused:9d}{count / seconds:10.0f}"
        f"{tally.largest / 1e6:11.0f}{tally.slowest:11.2f}{len(tally.findings):10d}"
    )


def _keep(findings: list[Finding], seed: int, whole: Path, keep: Path) -> None:
    """Write the first files of each cause, each with what happened beside it."""
    counts: Counter[str] = Counter()
    for one in findings:
        counts[one.signature] += 1
        if counts[one.signature] > KEPT_OF_A_CAUSE:
            continue
        victim, mutated = broken(one.kind, whole, seed, one.number)
        keep.mkdir(parents=True, exist_ok=True)
        stem = f"{one.kind}-{seed}-{one.number}-{re.sub(r'[^A-Za-z0-9]+', '_', victim.stem)}"
        write_mutated(keep / f"{stem}{victim.suffix}", mutated)
        (keep / f"{stem}.txt").write_text(f"{victim}\n{one.what}\n{one.detail}\n")


if __name__ == "__main__":
    main()
