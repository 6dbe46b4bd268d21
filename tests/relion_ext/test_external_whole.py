"""`relion_iceblock`, started by hand as RELION would start it."""

import dataclasses
import os
import re
import subprocess
import sys

import pytest

from core.commands.run import command
from core.runs.whole.options import WholeOptions
from relion_ext.program import INPUTS, usage
from relion_ext.whole import PROGRAM

from ..gate import PATIENCE, wait_for
from ..noise_project import COORDINATES
from ..warm import WarmServer
from ..whole_project import MICROGRAPHS, MODEL, PARTICLES, SEGMENTATION, VOLUME, write_whole_project
from .external_job import JOB, ROOT, External

START = "import sys; sys.argv[0] = 'relion_iceblock'; from relion_ext import launcher; "
ALONE = ("--in_parts", PARTICLES, "--model", MODEL, "--gpu", "cpu", "--gate", "no")
EVERYTHING = (
    *ALONE, "--in_mics", MICROGRAPHS, "--in_coords", COORDINATES, "--in_3dref", VOLUME,
    "--segmentation", SEGMENTATION, "--steps", "1",
)  # fmt: skip


@pytest.fixture
def whole(external: External) -> External:
    write_whole_project(external.project, micrographs=2)
    return external


def start(external: External, *arguments: str) -> subprocess.Popen[str]:
    code = f"{START} sys.exit(launcher.whole())"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, "--o", JOB, *arguments, "--j", "1"],
        cwd=external.project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(external: External, *arguments: str) -> tuple[int, str, str]:
    process = start(external, *arguments)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def run_warm(server: WarmServer, external: External, *arguments: str) -> tuple[int, str, str]:
    words = ["relion_iceblock", "--o", JOB, *arguments, "--j", "1"]
    done = server.run(words, external.project)
    return done.returncode, done.stdout, done.stderr


def nodes(external: External) -> list[str]:
    text = (external.folder / "RELION_OUTPUT_NODES.star").read_text()
    return [line.split()[0].removeprefix(JOB) for line in text.splitlines() if JOB in line]


def test_labels_are_options_of_the_run() -> None:
    options = {field.name for field in dataclasses.fields(WholeOptions)}
    labels = set(PROGRAM.labels)
    assert labels <= options
    assert options - labels == {
        "particles", "out", "micrographs", "picks", "threads", "report", "command",
        "project_dir", "passthrough",
    }  # fmt: skip


def test_usage_names_the_inputs() -> None:
    text = usage(PROGRAM)
    assert "--in_parts FILE [--in_mics FILE] [--in_coords FILE] [--in_3dref FILE]" in text
    assert all(name in text for name in PROGRAM.labels)


def test_the_walkthrough_names_what_is_there() -> None:
    text = (ROOT / "docs/walkthrough.md").read_text()
    labels = set(PROGRAM.labels)
    rows = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("| `--")]
    assert len(rows) > 5
    options = {name for parameter in command.params for name in parameter.opts}
    for option, same, _ in rows:
        assert set(re.findall(r"`(--[a-z-]+)`", option)) <= options
        assert set(re.findall(r"`([a-z_]+)`", same)) <= labels
    fields = re.findall(r"^\| Input \| ([^|]+) \|", text, re.MULTILINE)
    known = {"External executable", *INPUTS.values()}
    assert {name for field in fields for name in field.strip().split(", ")} <= known
    for picture in re.findall(r"\]\((pictures/[^)]+)\)", text):
        assert (ROOT / "docs" / picture).stat().st_size < 150_000


@pytest.mark.slow
def test_everything_in_a_job(whole: External) -> None:
    status, out, err = run(whole, *EVERYTHING, "--pipeline_control", JOB)
    assert (status, whole.markers) == (0, ["RELION_JOB_EXIT_SUCCESS"]), err
    assert "not used by this job" not in out
    assert f"look at {JOB}Denoised/particles.star, select" in out
    assert nodes(whole) == [
        "Denoised/particles.star", "logfile.pdf", "Trust/report.pdf", "Noise/blocks.star",
    ]  # fmt: skip
    assert (whole.folder / "logfile.pdf").read_bytes().startswith(b"%PDF")
    star = (whole.folder / "Denoised/particles.star").read_text()
    assert f"@{JOB}Denoised/Particles/mic01.mrcs" in star
    assert "Traceback" not in err


@pytest.mark.slow
def test_abort_and_continue(whole: External, server: WarmServer) -> None:
    process = start(whole, *EVERYTHING[:-1], "100000", "--time_limit", "1h")
    model = whole.folder / "Model"
    wait_for(lambda: (model / "metrics.csv").exists() or process.poll() is not None)
    blocks = (whole.folder / "Noise/blocks.mrcs").stat()
    (whole.folder / "RELION_JOB_ABORT_NOW").touch()
    process.communicate(timeout=PATIENCE)
    assert whole.markers == ["RELION_JOB_EXIT_ABORTED"]
    assert not (whole.folder / "Denoised").exists()
    # Continue with other parameters is another run; what does not depend on them is kept.
    status, _, err = run_warm(server, whole, *EVERYTHING)
    assert status == 1
    assert "tuning steps" in err
    status, _, err = run_warm(server, whole, *EVERYTHING, "--overwrite", "yes")
    assert (status, whole.markers) == (0, ["RELION_JOB_EXIT_SUCCESS"]), err
    assert (whole.folder / "Noise/blocks.mrcs").stat() == blocks


def test_particles_alone_and_continue(whole: External, server: WarmServer) -> None:
    status, said, err = run_warm(server, whole, *ALONE)
    assert (status, whole.markers) == (0, ["RELION_JOB_EXIT_SUCCESS"]), err
    assert "note: No micrographs" in said
    assert nodes(whole) == ["Denoised/particles.star", "logfile.pdf", "Trust/report.pdf"]
    stack = whole.folder / "Denoised/Particles/mic01.mrcs"
    inode = stack.stat().st_ino
    assert run_warm(server, whole, *ALONE)[0] == 0
    assert stack.stat().st_ino == inode


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", MODEL), "needs `Input particles`"),
        ((*ALONE, "--in_coords", COORDINATES), "`Input micrographs` is missing"),
        ((*ALONE, "--time_limit", "15"), "is no length of time"),
        ((*ALONE, "--noise", "Noise"), "has no label `noise`"),
        (("--in_parts", "nowhere.star"), "nowhere.star does not exist"),
    ],
)
def test_users_mistakes(
    whole: External, server: WarmServer, arguments: tuple[str, ...], told: str
) -> None:
    status, _, err = run_warm(server, whole, *arguments)
    assert (status, whole.markers) == (1, ["RELION_JOB_EXIT_FAILURE"])
    assert told in err
    assert "Traceback" not in err
