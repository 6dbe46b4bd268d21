"""The jobs with the real denoiser, started by hand as RELION would start them."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.runs.denoise.options import DenoiseOptions
from relion_ext.denoise import PROGRAM

from ..gate import PATIENCE
from ..told import error_of, only_warnings
from ..warm import WarmServer

Run = Callable[..., subprocess.CompletedProcess[str]]
INPUT = "Extract/job003/particles.star"
STAR = """data_optics

loop_
_rlnOpticsGroup #1
_rlnImagePixelSize #2
_rlnImageSize #3
1 4.0 48

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    generator = np.random.default_rng(1)
    rows = []
    for name in ("Extract/job003/Particles/a.mrcs", "Extract/job003/Particles/b.mrcs"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with mrcfile.new(path) as file:
            file.set_data(generator.normal(size=(4, 48, 48)).astype(np.float32))
            file.voxel_size = 4.0
        rows += [f"{index:06d}@{name} 1" for index in range(1, 5)]
    (tmp_path / INPUT).write_text(STAR + "\n".join(rows) + "\n")
    return tmp_path


def run(
    project: Path, job: str, particles: str, *arguments: str, program: str = "denoise"
) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).with_name(f"relion_iceblock_{program}")
    return subprocess.run(
        [executable, "--o", job, "--in_parts", particles, "--j", "1", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.fixture
def warm(server: WarmServer) -> Run:
    """As `run`, without the seconds that importing torch takes."""

    def run_warm(
        project: Path, job: str, particles: str, *arguments: str, program: str = "denoise"
    ) -> subprocess.CompletedProcess[str]:
        given = ["--o", job, "--in_parts", particles, "--j", "1", *arguments]
        return server.run([f"relion_iceblock_{program}", *given], project)

    return run_warm


def markers(folder: Path) -> list[str]:
    return [path.name.removeprefix("RELION_JOB_") for path in folder.glob("RELION_JOB_*")]


def test_labels_are_options_of_the_denoiser() -> None:
    options = {field.name for field in dataclasses.fields(DenoiseOptions)}
    assert set(PROGRAM.labels) <= options
    assert options - set(PROGRAM.labels) == {
        "particles", "out", "threads", "report", "command", "stacks", "project_dir", "passthrough"
    }  # fmt: skip


def test_denoise_continue_restore(project: Path) -> None:
    job = project / "External/job001"
    first = run(project, "External/job001/", INPUT, "--device", "cpu")
    assert (first.returncode, markers(job)) == (0, ["EXIT_SUCCESS"]), first.stderr
    assert "8/8" in first.stdout
    assert only_warnings(first.stderr)
    assert "too few to learn from" in first.stderr
    assert "@External/job001/Particles/" in (job / "particles.star").read_text()
    assert (job / "logfile.pdf").read_bytes().startswith(b"%PDF")
    nodes = (job / "RELION_OUTPUT_NODES.star").read_text()
    assert "External/job001/particles.star 3 ParticleGroupMetadata.star.relion" in nodes

    stacks = {path: path.stat().st_ino for path in job.rglob("*.mrcs")}
    again = run(project, "External/job001/", INPUT, "--device", "cpu")
    assert (again.returncode, markers(job)) == (0, ["EXIT_SUCCESS"]), again.stderr
    assert {path: path.stat().st_ino for path in job.rglob("*.mrcs")} == stacks

    for _ in range(2):  # run and continue
        raw = run(project, "External/job002/", "External/job001/particles.star", program="restore")
        assert raw.returncode == 0, raw.stderr
    restored = (project / "External/job002/particles.star").read_text()
    assert restored.split() == (project / INPUT).read_text().split()


def write_inverted(test_data: Path, project: Path, first: int, rows: int) -> None:
    """Write white.star and black.star with real apoferritin, the latter's images inverted."""
    data = test_data / "projects/empiar10146_apoferritin"
    lines = (data / INPUT).read_text().splitlines(keepends=True)
    listed = [line for line in lines if "@" in line][first : first + rows]
    head = "".join(line for line in lines if "@" not in line)
    for name, sign in (("white", 1), ("black", -1)):
        (project / name).mkdir()
        for stack in sorted({line.split()[2].partition("@")[2] for line in listed}):
            with mrcfile.new(project / name / Path(stack).name) as file:
                file.set_data(sign * mrcfile.read(data / stack))
                file.voxel_size = 1.5
        moved = [line.replace("Extract/job003/Particles", name) for line in listed]
        (project / f"{name}.star").write_text(head + "".join(moved))


def test_black_real_particles_in_the_job(test_data: Path, tmp_path: Path, warm: Run) -> None:
    """They come out as the white ones do, and black; of a few the job says that it is not sure."""
    write_inverted(test_data, tmp_path, 110, 40)  # of two stacks
    for name in ("white", "black"):
        done = warm(
            tmp_path, f"External/{name}/", f"{name}.star", "--device", "cpu", "--each_alone"
        )
        assert done.returncode == 0, done.stderr
        assert "contrast" not in done.stderr
    assert "the particles are black (told from their mean profile)" in done.stdout
    for path in (tmp_path / "External/white").rglob("*.mrcs"):
        other = Path(str(path).replace("External/white", "External/black"))
        np.testing.assert_allclose(mrcfile.read(other), -mrcfile.read(path), atol=1e-4)
    (tmp_path / "few.star").write_text(
        "".join((tmp_path / "black.star").read_text().splitlines(keepends=True)[:-37])
    )
    few = warm(tmp_path, "External/few/", "few.star", "--device", "cpu", "--each_alone")
    assert "cannot be told for certain" in few.stderr
    assert "the label `contrast` set to white or black" in few.stdout


def test_other_settings_in_a_finished_job(project: Path, warm: Run) -> None:
    job = project / "External/job001"
    assert warm(project, "External/job001/", INPUT, "--device", "cpu").returncode == 0
    refused = warm(project, "External/job001/", INPUT, "--device", "cpu", "--keep_noise", "0.5")
    assert (refused.returncode, markers(job)) == (1, ["EXIT_FAILURE"])
    assert "overwrite" in error_of(refused.stderr)
    replaced = warm(
        project, "External/job001/", INPUT, "--device=cpu", "--keep_noise=0.5", "--overwrite"
    )
    assert (replaced.returncode, markers(job)) == (0, ["EXIT_SUCCESS"]), replaced.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "missing.safetensors"], "missing.safetensors"),
        (["--dtype", "float8"], "float8"),
        (["--keep_noise", "2"], "keep"),
        (["--contrast", "grey"], "grey"),
        (["--batch_size", "0"], "batch"),
        (["--pixel_size", "-1"], "pixel"),
        (["--gpu", "99"], "cuda:99"),
        (["--device", "abacus"], "abacus"),
    ],
)
def test_users_mistakes(project: Path, warm: Run, arguments: list[str], told: str) -> None:
    done = warm(project, "External/job001/", INPUT, *arguments)
    assert (done.returncode, markers(project / "External/job001")) == (1, ["EXIT_FAILURE"])
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", ["denoise", "restore"])
def test_missing_star_file(project: Path, warm: Run, program: str) -> None:
    done = warm(project, "External/job001/", "missing.star", program=program)
    assert (done.returncode, markers(project / "External/job001")) == (1, ["EXIT_FAILURE"])
    assert "missing.star" in error_of(done.stderr)
