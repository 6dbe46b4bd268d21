"""RELION fills in and runs the submission script of examples/slurm."""

import os
import shutil
from pathlib import Path

import pytest

from .pipeliner import SUCCEEDED, Project, find
from .simulated_project import PARTICLES

pytestmark = pytest.mark.relion

ROOT = Path(__file__).parents[2]
DENOISE = "relion_iceblock_denoise"


def test_submission_script(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With bash in the place of sbatch, and a stand-in for srun."""
    programs = project.folder / "bin"
    programs.mkdir()
    shutil.copy(ROOT / "tests/fake_srun.py", programs / "srun")
    (programs / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(programs), os.environ["PATH"]]))
    job = project.add(
        "External",
        fn_exe=find(DENOISE),
        in_part=PARTICLES,
        param1_label="device",
        param1_value="cpu",
        nr_threads=1,
        do_queue="Yes",
        qsub="bash",
        qsubscript=ROOT / "examples/slurm/relion.sh",
        queuename="gpu",
    )
    assert project.run(job) == SUCCEEDED
    script = (project.folder / job / "run_submit.script").read_text()
    assert "\n#SBATCH --partition=gpu\n" in script
    assert f"\n#SBATCH --output={job}run.out\n" in script
    assert "\n#SBATCH --cpus-per-task=1\n" in script
    assert f"\nsrun --ntasks=1 --cpus-per-task=1 {find(DENOISE)} --o {job} " in script
    assert not [line for line in script.splitlines() if "XXX" in line and line[:2] != "# "]
