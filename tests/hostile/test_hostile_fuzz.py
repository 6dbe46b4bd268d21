"""Some hundreds of broken files of each kind; benchmarks/fuzz.py does the same with many more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .hostile_formats import inner_mutations
from .hostile_mutations import MOST_BYTES, mutate

HERE = Path(__file__).parent
FUZZ = HERE.parent.parent / "benchmarks" / "fuzz.py"
KINDS = ("star", "cs", "mrc", "micrograph", "model", "tensor", "set", "bank", "volume", "picks")
EACH = 120
# A process of its own: one that has used several threads cannot be forked.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent.parent)}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """What the fuzzer printed: for each kind its numbers."""
    keep = tmp_path_factory.mktemp("findings")
    command = [sys.executable, str(FUZZ), "--n", str(EACH * len(KINDS)), "--keep", str(keep)]
    done = subprocess.run(
        [*command, "--seed", "20"], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    found = "\n\n".join(path.read_text() for path in sorted(keep.glob("*.txt")))
    assert done.returncode == 0, f"{done.stdout}\n{found}"
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[0]: [float(number) for number in row[1:]] for row in rows if row[0] in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_broken_files_are_read_or_refused(table: dict[str, list[float]], kind: str) -> None:
    files, read, refused, _, megabytes, seconds, findings = table[kind]
    assert files == read + refused == EACH
    assert read > 0
    assert refused > 0
    assert megabytes < 2048
    assert seconds < 5
    assert findings == 0


def test_the_sandbox_notices(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "misbehaving.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("behave") == [3, 0, []]
    assert seen.pop("refuse") == [0, 3, []]
    what = {name: findings for name, (_, _, findings) in seen.items()}
    assert all(len(findings) == 3 for findings in what.values()), what
    assert {name: findings[0] for name, findings in what.items()} == {
        "refuse_without_words": "exception", "stumble": "exception", "crash": "crash",
        "hang": "hang", "be_greedy": "exception", "write_outside": "escape",
        "link_outside": "escape", "rename_outside": "escape", "start_a_program": "escape",
        "call_the_shell": "escape", "unpickle": "escape", "warn": "exception",
    }  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.binary(max_size=3000),
    st.integers(0, 2**32),
    st.sampled_from([".star", ".cs", ".npz", ".png", ".gz", ".mrc", ".safetensors"]),
)
def test_mutations_take_anything_and_repeat(data: bytes, seed: int, suffix: str) -> None:
    inner = inner_mutations(Path(f"x{suffix}"))
    once, again = (mutate(data, Random(seed), inner) for _ in range(2))
    assert once == again
    assert len(once.data) <= MOST_BYTES
