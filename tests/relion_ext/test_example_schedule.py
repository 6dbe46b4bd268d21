"""The example schedule runs under RELION 3.1: an External job, then Class2D on its particles."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCHEDULER = shutil.which("relion_scheduler")
BESIDE = Path(sys.executable)


def call(folder: Path, *words: str) -> None:
    ended = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, f"{' '.join(words)}\n{ended.stdout}{ended.stderr}"


@pytest.mark.slow
@pytest.mark.skipif(SCHEDULER is None, reason="needs relion_scheduler")
def test_denoise_then_classify(tmp_path: Path) -> None:
    call(tmp_path, str(BESIDE.with_name("iceblock")), "demo", "--project", "project")
    project = tmp_path / "project"
    shutil.copytree(EXAMPLES / "relion_schedule", project / "Schedules")
    program = str(BESIDE.with_name("relion_iceblock_denoise"))
    schedule = ("relion_scheduler", "--schedule", "iceblock")
    for name, value in (("executable", program), ("iterations", "1")):
        call(project, *schedule, "--set_var", name, "--value", value)
    call(project, *schedule, "--run")
    assert (project / "External" / "job013" / "RELION_JOB_EXIT_SUCCESS").is_file()
    classified = project / "Class2D" / "job014" / "run_it001_data.star"
    assert "@External/job013/Particles/" in classified.read_text()


def test_both_forms_say_the_same() -> None:
    old = (EXAMPLES / "relion_schedule" / "iceblock" / "schedule.star").read_text()
    new = (EXAMPLES / "relion_scheme" / "iceblock" / "scheme.star").read_text()
    assert re.sub("schedule", "scheme", re.sub("Schedule", "Scheme", old)) == new
