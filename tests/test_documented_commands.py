"""What the README and the pages tell a newcomer to type runs, in order, on a new demo project.

By default the `iceblock` beside this Python runs them. ICEBLOCK_PROGRAM names another one, for
example that of an installed wheel. Options that make them short are added to long commands;
nothing else is changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .documented_commands import commands

ROOT = Path(__file__).parents[1]
PROGRAM = os.environ.get("ICEBLOCK_PROGRAM", str(Path(sys.executable).with_name("iceblock")))
PAGES = ["README.md", "docs/first_steps.md"]
PROJECT = "demo_project"
SHORTER = {
    "evaluate": ["--no-gate", "--sample", "20"],
    "run": ["--no-gate", "--steps", "1"],
    "train": ["--steps", "1"],
    "compare": ["-n", "16", "--whole", "0"],
}
REPLACED = {"--time-limit"}


def shorter(words: list[str]) -> list[str]:
    """Make a command short; its other words stay as they are written."""
    kept = [
        word
        for place, word in enumerate(words)
        if not {word, words[place - 1]} & REPLACED or words[1] != "train"
    ]
    return kept + SHORTER.get(words[1], [])


@pytest.mark.slow
def test_a_newcomer_types_what_is_written(tmp_path: Path) -> None:
    written = [words for page in PAGES for words in commands(ROOT / page, "iceblock")]
    once = [words for place, words in enumerate(written) if words not in written[:place]]
    assert once[0] == ["iceblock", "demo", "--project", PROJECT]
    assert {"denoise", "restore", "run", "train"} <= {words[1] for words in once}
    type_in(tmp_path, once[0])
    for words in once[1:]:
        type_in(tmp_path / PROJECT, words)


def type_in(folder: Path, words: list[str]) -> None:
    ended = subprocess.run(
        [PROGRAM, *shorter(words)[1:]],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, f"{' '.join(words)}\n{ended.stdout}{ended.stderr}"
    assert "Traceback" not in ended.stderr


def test_the_pages_name_the_folder_that_the_demo_makes() -> None:
    for page in PAGES:
        assert f"cd {PROJECT}\n" in (ROOT / page).read_text()
