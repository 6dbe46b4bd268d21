"""`relion_iceblock_noise`, started by hand as RELION would start it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from core.noise.bank import NoiseBank
from core.runs.noise.options import NoiseOptions
from relion_ext.noise import PROGRAM
from relion_ext.program import usage

from ..gate import PATIENCE
from ..noise_project import (
    BOX,
    COORDINATES,
    DIAMETER,
    write_blind_model,
    write_project,
)
from ..told import only_warnings
from ..warm import WarmServer

JOB = "External/job004/"
NEEDED = ("--box", str(BOX), "--particle_diameter", str(DIAMETER))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path, n=2)
    write_blind_model(tmp_path / "blind.safetensors")
    return tmp_path


PROGRAM_OF_JOB = "relion_iceblock_noise"
ALWAYS = ("--o", JOB, "--in_mics", "micrographs.star", "--model", "blind.safetensors", "--j", "1")


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).with_name(PROGRAM_OF_JOB)
    return subprocess.run(
        [executable, *ALWAYS, *arguments], cwd=project, capture_output=True, text=True,
        timeout=PATIENCE,
    )  # fmt: skip


def run_warm(
    server: WarmServer, project: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return server.run([PROGRAM_OF_JOB, *ALWAYS, *arguments], project)


def markers(project: Path) -> list[str]:
    return [path.name.removeprefix("RELION_JOB_") for path in (project / JOB).glob("RELION_JOB_*")]


def test_labels_are_options_of_the_run() -> None:
    options = {field.name for field in dataclasses.fields(NoiseOptions)}
    labels = set(PROGRAM.labels)
    assert labels <= options
    assert options - labels == {"micrographs", "out", "picks", "threads", "report", "command"}


def test_usage_names_the_inputs() -> None:
    text = usage(PROGRAM)
    assert "--in_mics FILE [--in_coords FILE] [--in_parts FILE]" in text
    assert all(name in text for name in PROGRAM.labels)


def test_cut_and_continue(project: Path) -> None:
    first = run(project, "--in_coords", COORDINATES, *NEEDED, "--synthetic", "4")
    assert (first.returncode, markers(project)) == (0, ["EXIT_SUCCESS"]), first.stderr
    job = project / JOB
    assert "2/2" in first.stdout
    assert "not used by this job" not in first.stdout
    assert only_warnings(first.stderr)
    assert "@External/job004/blocks.mrcs Micrographs/mic01.mrc" in (job / "blocks.star").read_text()
    assert NoiseBank.read(job).table["source"].tolist()[-4:] == ["phases"] * 4
    assert (job / "logfile.pdf").read_bytes().startswith(b"%PDF")
    nodes = (job / "RELION_OUTPUT_NODES.star").read_text()
    assert "External/job004/blocks.star 5 Image2DGroupMetadata.star.relion" in nodes
    assert "External/job004/logfile.pdf 13 LogFile.pdf.relion" in nodes

    inode = (job / "blocks.mrcs").stat().st_ino
    again = run(project, "--in_coords", COORDINATES, *NEEDED, "--synthetic", "4")
    assert (again.returncode, markers(project)) == (0, ["EXIT_SUCCESS"]), again.stderr
    assert (job / "blocks.mrcs").stat().st_ino == inode


@pytest.mark.parametrize(
    "given",
    [("--in_coords", COORDINATES, "--in_parts", "nowhere.star"), ()],
)
def test_other_sources_of_picks(project: Path, server: WarmServer, given: tuple[str, ...]) -> None:
    done = run_warm(server, project, *given, *NEEDED)
    assert (done.returncode, markers(project)) == (0, ["EXIT_SUCCESS"]), done.stderr
    assert ("No picks are given" in done.stderr) == (not given)
    assert ("input particles are not used" in done.stdout) == ("nowhere.star" in given)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--box", "32"], "needs the label `particle_diameter`"),
        (["--particle_diameter", "100"], "needs the label `box`"),
        ([*NEEDED, "--box", "64"], "`box` is given twice"),
        ([*NEEDED, "--boxx", "64"], "Did you mean `box`?"),
        ([*NEEDED, "--overlap", "3"], "`overlap` is 3 and must be at least 0 and below 1"),
        ([*NEEDED, "--in_coords", "nowhere.star"], "nowhere.star"),
        ([*NEEDED, "--require_picks"], "`require_picks` is given without picks"),
        (
            [*NEEDED, "--margin", "3000", "--in_coords", COORDINATES],
            "try a smaller value of the label `margin`",
        ),
    ],
)
def test_users_mistakes(project: Path, server: WarmServer, arguments: list[str], told: str) -> None:
    done = run_warm(server, project, *arguments)
    assert (done.returncode, markers(project)) == (1, ["EXIT_FAILURE"])
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / JOB / "blocks.star").exists()
