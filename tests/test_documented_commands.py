"""What the README and the pages tell a newcomer to type runs, in order, on a new demo project.

ICEBLOCK_PROGRAM names the program that runs them, for example that of an installed wheel; by
default it is this code, in processes that have imported torch. Options that make them short are
added to long commands; nothing else is changed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .documented_commands import commands
from .warm import WarmServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PROGRAM = os.environ.get("ICEBLOCK_PROGRAM")
PAGES = ["README.md", "docs/first_steps.md"]
PROJECT = "demo_project"
SHORTER = {
    "evaluate": ["--no-gate", "--sample", "20"],
    "run": ["--no-gate", "--steps", "1", "--each-alone"],
    "train": ["--steps", "1", "--box", "48", "--batch-size", "4"],
    "compare": ["-n", "8", "--whole", "0", "--snr", "0.1", "--box", "48"],
}
AGAIN = ["--each-alone"]
"""For a second command of the same name: the first has learned from the set."""
REPLACED = {"--time-limit"}


def shorter(words: list[str], again: bool) -> list[str]:
    """Make a command short; its other words stay as they are written."""
    kept = [
        word
        for place, word in enumerate(words)
        if not {word, words[place - 1]} & REPLACED or words[1] != "train"
    ]
    return kept + SHORTER.get(words[1], []) + AGAIN * (again and words[1] == "denoise")


@pytest.fixture
def server() -> Iterator[WarmServer]:
    warm = WarmServer(modules=["core.runs.whole.run", "core.runs.compare.run", "torch._dynamo"])
    yield warm
    warm.close()


@pytest.mark.slow
def test_a_newcomer_types_what_is_written(tmp_path: Path, server: WarmServer) -> None:
    written = [words for page in PAGES for words in commands(ROOT / page, "iceblock")]
    once = [words for place, words in enumerate(written) if words not in written[:place]]
    assert once[0] == ["iceblock", "demo", "--project", PROJECT]
    assert {"denoise", "restore", "run", "train"} <= {words[1] for words in once}
    type_in(server, tmp_path, once[0])
    for place, words in enumerate(once[1:], 1):
        again = words[1] in {earlier[1] for earlier in once[:place]}
        type_in(server, tmp_path / PROJECT, shorter(words, again))


def type_in(server: WarmServer, folder: Path, words: list[str]) -> None:
    if PROGRAM:
        asked = [PROGRAM, *words[1:]]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        ended = subprocess.run(
            asked, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
        )
        status, said = ended.returncode, ended.stdout + ended.stderr
    else:
        started = server.start(words, folder, folder / "said.log")
        status, said = started.wait(seconds=600), started.said
    assert status == 0, f"{' '.join(words)}\n{said}"
    assert "Traceback" not in said


def test_the_pages_name_the_folder_that_the_demo_makes() -> None:
    for page in PAGES:
        assert f"cd {PROJECT}\n" in (ROOT / page).read_text()
