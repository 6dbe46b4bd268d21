"""`iceblock noise` cuts, looks at and joins banks, and `iceblock simulate` draws from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest

from core.commands.noise import extract
from core.noise.bank import NoiseBank
from core.noise.cutter import CutSettings
from core.runs.noise import run as extracting

from ..bank_parts import make_bank
from ..noise_project import (
    BOX,
    COORDINATES,
    DIAMETER,
    PARTICLES,
    SUFFIX,
    write_blind_model,
    write_project,
)
from ..told import only_warnings

Run = Callable[..., int]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, entered, with a model that sees background everywhere but at picks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extracting, "report", lambda o, *_: (o.out / o.report).write_text("%"))
    write_project(tmp_path, n=2)
    write_blind_model(tmp_path / "blind.safetensors")
    return tmp_path


def arguments(*more: object, picks: str | None = COORDINATES) -> list[object]:
    given = ["noise", "micrographs.star", "--box", BOX, "--particle-diameter", DIAMETER, "--out",
             "Noise", "--model", "blind.safetensors", "--threads", 1]  # fmt: skip
    return [*given, *(["--picks", picks] if picks else []), *more]


@pytest.mark.drawn
def test_cut(here: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert iceblock(*arguments("--synthetic", 5, "--per-micrograph", 20)) == 0
    said = capsys.readouterr().err
    assert "noise blocks of 32 px and 5 synthetic ones from 2 of 2 micrographs" in said
    assert "WARNING: The noise is little" in said
    bank = NoiseBank.read(Path("Noise"))
    assert bank.n == 45
    record = json.loads(Path("Noise/run.json").read_text())
    assert record["command"].startswith("iceblock noise micrographs.star --box 32")
    assert iceblock(*arguments("--per-micrograph", 20, "-q")) == 1
    assert "synthetic" in capsys.readouterr().err
    assert iceblock(*arguments("--per-micrograph", 20, "-q", "--overwrite")) == 0
    told = capsys.readouterr().err  # a warning is never silenced
    assert "The noise is little" in told
    assert only_warnings(told)


@pytest.mark.parametrize("picks", ["Picks", SUFFIX, PARTICLES, None])
def test_every_form_of_picks(here: Path, iceblock: Run, picks: str | None) -> None:
    """All forms say the same; without picks the blind model leaves more to cut from."""
    assert iceblock(*arguments("-q")) == 0
    wanted = NoiseBank.read(Path("Noise")).table
    assert iceblock(*arguments("-q", "--out", "Other", picks=picks)) == 0
    table = NoiseBank.read(Path("Other")).table
    assert table.equals(wanted) == (picks is not None)


def test_images_and_folders(here: Path, iceblock: Run) -> None:
    common = arguments("-q", picks="Picks")[2:]
    for out, source in (("A", ["Micrographs"]), ("B", sorted(Path("Micrographs").iterdir()))):
        assert iceblock("noise", *source, *common, "--out", out, "--pixel-size", 4) == 0
    one, other = (NoiseBank.read(Path(out)) for out in "AB")
    np.testing.assert_array_equal(one.blocks(), other.blocks())


@pytest.mark.drawn
def test_inspect(here: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make_bank(Path("Bank"), (30, 20))
    assert iceblock("noise", "inspect", "Bank") == 0
    text = capsys.readouterr().out
    assert "50 blocks (50 real) of 16 px, 4 Å/px, from 2 micrographs" in text
    assert "mic0" in text
    assert Path("Bank/inspection.pdf").read_bytes().startswith(b"%PDF")
    assert iceblock("noise", "inspect", "Bank/blocks.star", "--out", "x.png") == 1
    assert "must end in .pdf" in capsys.readouterr().err
    assert iceblock("noise", "inspect", "Micrographs") == 1
    assert "holds no noise bank" in capsys.readouterr().err


def test_join(here: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]) -> None:
    make_bank(Path("a")), make_bank(Path("b"), (4,)), make_bank(Path("c"), (2,), box=24)
    assert iceblock("noise", "join", "a", "b", "--out", "both") == 0
    assert "both/blocks.star: 9 blocks of 16 px" in capsys.readouterr().out
    assert json.loads(Path("both/run.json").read_text())["blocks"] == 9
    assert iceblock("noise", "join", "a", "c", "--out", "crop") == 1
    assert "give --crop" in capsys.readouterr().err
    assert iceblock("noise", "join", "a", "c", "--out", "crop", "--crop") == 0
    assert NoiseBank.read(Path("crop")).n == 7
    assert iceblock("noise", "join", "a", "b", "--out", "both") == 1


@pytest.mark.parametrize("command", [(), ("inspect",), ("join",)])
def test_help(iceblock: Run, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    assert iceblock("noise", *command, "--help") == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: iceblock {' '.join(['noise', *command])} [OPTIONS] ")
    if not command:
        assert "iceblock noise inspect BANK" in text
        assert "iceblock noise join BANK" in text


def test_help_tells_the_real_defaults() -> None:
    settings = CutSettings(box=64)
    texts = {p.name: p.help for p in extract.params if isinstance(p, click.Option)}
    for name in ("overlap", "margin", "min_background"):
        assert f"[default: {getattr(settings, name):g}]" in str(texts[name]), name


@pytest.mark.parametrize(
    "wrong",
    [("noise",), ("noise", "Micrographs"), ("noise", "join"), ("noise", "Micrographs", "--bos", 3)],
)
def test_wrong_usage(
    here: Path, iceblock: Run, capsys: pytest.CaptureFixture[str], wrong: tuple[object, ...]
) -> None:
    code = iceblock(*wrong)
    streams = capsys.readouterr()
    assert code == 2
    assert "Usage: iceblock noise" in streams.out + streams.err
    assert "Traceback" not in streams.err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--box", 4], "box is 4"),
        (["--overlap", 2], "overlap is 2"),
        (["--pixel-size", 0.1], "correct the pixel size"),
        (["--masks", "nowhere"], "nowhere is not a folder"),
        (["--picks", "nowhere.star"], "nowhere.star does not exist"),
        (["--model", "nowhere"], "'nowhere' is neither a file nor one that ships"),
        (
            ["--margin", 2000],
            "before a margin of 2000 Å), most often because of too little background",
        ),
    ],
)
def test_mistakes_are_one_sentence(
    here: Path, iceblock: Run, capsys: pytest.CaptureFixture[str], more: list[object], told: str
) -> None:
    assert iceblock(*arguments("-q", *more)) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not Path("Noise/blocks.star").exists()


SIMULATE = ("simulate", "-n", 4, "--box", 48, "--pixel-size", 6, "--snr", 0.01, 0.01)


def test_simulated_particles_have_the_noise_of_a_bank(
    here: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    make_bank(Path("Bank"), (6, 6), box=64, pixel_size=6.0)
    for out, noise in (("one", "Bank"), ("two", "Bank/blocks.star"), ("three", "Bank/blocks.mrcs")):
        assert iceblock(*SIMULATE, "--noise", noise, "--out", out, "-q") == 0
    data = [Path(out, "Particles/simulated.mrcs").read_bytes() for out in ("one", "two", "three")]
    assert data[0] == data[1] == data[2]
    assert "resampled" not in capsys.readouterr().err


def test_blocks_of_another_pixel_size_are_resampled(
    here: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    make_bank(Path("Fine"), (6,), box=96, pixel_size=3.0)
    assert iceblock(*SIMULATE, "--noise", "Fine", "--out", "one") == 0
    told = "blocks of 96 pixels of 3 Å were resampled to 48 pixels of 6 Å"
    assert told in capsys.readouterr().err
    make_bank(Path("Coarse"), (6,), box=48, pixel_size=9.0)
    assert iceblock(*SIMULATE, "--noise", "Coarse", "--out", "two") == 0
    assert "without any noise beyond 18 Å" in capsys.readouterr().err
    assert iceblock(*SIMULATE, "--noise", "Fine", "--out", "three", "--box", 64) == 1
    assert "have 48 pixels and a box of 64 is wanted" in capsys.readouterr().err
    assert iceblock(*SIMULATE, "--noise", "Micrographs", "--out", "four") == 1
    assert "holds no noise bank" in capsys.readouterr().err
