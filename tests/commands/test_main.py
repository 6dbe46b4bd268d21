import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.commands.main import COMMANDS

Run = Callable[..., int]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['iceblock', '--help']\n"
        "from core.commands.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "denoise" in result.stdout


def test_a_foreign_core_is_named(tmp_path: Path) -> None:
    (tmp_path / "core.py").touch()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "iceblock", "--help"]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True)
    assert done.returncode == 1
    assert "Another Python package named `core`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(
    iceblock: Run, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert iceblock(name, "--help") == 0
    assert name in capsys.readouterr().out


ALONE = {
    "classify": ("a.star",), "compare": (), "evaluate": ("a.star",), "select": ("a.star",),
    "simulate": ("-n", 1, "--box", 64, "--volume", "a.mrc", "--pixel-size", 2),
    "denoise-micrographs": ("a.star",),
    "noise": ("a.star", "--box", 64, "--particle-diameter", 100),
    "segment": ("apply", "a.star", "--particle-diameter", 100),
    "run": ("a.star",),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_several_processes_do_not_each_do_the_work_of_one(
    iceblock: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path, name: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    group = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    for variable, value in group.items():
        monkeypatch.setenv(variable, value)
    assert iceblock(name, *ALONE[name], "--out", "Out") == 1
    said = capsys.readouterr().err
    assert "is one process, and this is process 1 of 2" in said
    assert "unset RANK WORLD_SIZE MASTER_ADDR MASTER_PORT" in said
    assert not Path("Out").exists()


def test_unknown_command(iceblock: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert iceblock("denoize") != 0
    assert "denoize" in capsys.readouterr().err


def test_models_lists_and_shows(iceblock: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert iceblock("models") == 0
    assert "iceblock-4B (default)" in capsys.readouterr().out
    assert iceblock("models", "show", "iceblock-4B") == 0
    text = capsys.readouterr().out
    assert "held out" in text
    assert "raw" in text
    assert "noise statistics" in text
    assert "frequency" not in text
    assert iceblock("models", "show", "iceblock-4B", "--json") == 0
    card = json.loads(capsys.readouterr().out)["card"]
    assert len(card["noise_statistics"]["mean"]) == 33


def test_simulate_writes_pairs(project: Path, iceblock: Run) -> None:
    import numpy as np
    import torch

    from core.images.mrc.reader import read_header, read_images
    from core.images.particles import read_particles

    arguments = ("simulate", "-n", 6, "--box", 64, "--pixel-size", 6, "--snr", 1, 1, "-q")
    before = torch.get_num_threads()
    try:
        for out, threads in (("one", 1), ("two", 2)):
            torch.set_num_threads(threads)
            assert iceblock(*arguments, "--out", out) == 0
    finally:
        torch.set_num_threads(before)
    for part in ("Particles", "Clean"):
        data = [(Path(out) / part / "simulated.mrcs").read_bytes() for out in ("one", "two")]
        assert data[0] == data[1]
    particles = read_particles(Path("one/particles.star"))
    assert particles.n == 6
    assert np.allclose(particles.pixel_sizes, 6)
    noisy, clean = (
        read_images(read_header(Path(f"one/{part}/simulated.mrcs")), range(6)).ravel()
        for part in ("Particles", "Clean")
    )
    assert 0.2 < np.corrcoef(noisy, clean)[0, 1] < 0.95
    assert iceblock(*arguments, "--out", "one") == 1  # never overwritten


@pytest.mark.parametrize(
    "arguments",
    [("--seed", -1), ("--pixel-size", "nan"), ("--box", 63), ("-n", 0), ("--snr", 2, 1)],
)
def test_wrong_simulations_leave_nothing(
    project: Path, iceblock: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...]
) -> None:
    assert iceblock("simulate", "--out", "Sim", "-q", *arguments) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert not Path("Sim").exists()


def test_volumes_larger_than_the_box_leave_nothing(
    project: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    phantom = ("--phantoms", 1, "--box", 32, "--pixel-size", 3)
    assert iceblock("simulate", "--out", "Sim", "-q", *phantom) == 1
    assert "box" in capsys.readouterr().err
    assert not Path("Sim").exists()


@pytest.mark.slow
@pytest.mark.drawn
def test_demo(
    project: Path,
    iceblock: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.runs.demo.PARTICLES", 160)  # of 512, and enough to learn from
    assert iceblock("demo", "--out", "demo") == 0
    scores = dict(
        line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")
    )
    assert float(scores["denoised"]) > float(scores["low-pass"]) > float(scores["raw"])
    assert Path("demo/demo.png").is_file()
    assert iceblock("demo", "--out", "demo") == 1
    assert Path("demo/demo.png").is_file()


def test_demo_spares_what_it_did_not_make(project: Path, iceblock: Run) -> None:
    Path("Denoised").mkdir()
    Path("Denoised/precious").touch()
    assert iceblock("demo", "--out", ".", "--overwrite") == 1
    assert Path("Denoised/precious").exists()
