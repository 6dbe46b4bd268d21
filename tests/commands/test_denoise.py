import json
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.images.particles import read_particles
from core.runs.denoise.learning import SET, WEIGHTS
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run

from .small_project import write_stack

STAR = Path("Extract/job003/particles.star")
Run = Callable[..., int]


def image(name: str) -> np.ndarray:
    index, path = name.split("@")
    with mrcfile.open(path, permissive=True) as file:
        return np.array(file.data[int(index) - 1])


def test_every_row_gets_its_own_denoised_image(project: Path, iceblock: Run, model: Path) -> None:
    raw = read_particles(STAR)
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q") == 0
    denoised = read_particles(Path("Den/particles.star"))
    assert denoised.n == raw.n
    by_raw: dict[str, str] = {}
    for before, after in zip(raw.names, denoised.names, strict=True):
        assert after.startswith("0000")
        assert "@Den/Particles/mic" in after
        assert by_raw.setdefault(before, after) == after
    assert len(set(by_raw.values())) == len(by_raw)
    # The image behind a row is that row's raw image, denoised: whole noise kept gives it back.
    arguments = ("--model", model, "--keep-noise", 1, "-q")
    assert iceblock("denoise", STAR, "--out", "Kept", *arguments) == 0
    for before, after in zip(
        raw.names, read_particles(Path("Kept/particles.star")).names, strict=True
    ):
        correlation = np.corrcoef(image(before).ravel(), image(after).ravel())[0, 1]
        assert correlation > 0.999


@pytest.mark.drawn
def test_outputs_are_whole_and_valid(project: Path, iceblock: Run, model: Path) -> None:
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q") == 0
    names = sorted(p.name for p in (project / "Den").rglob("*"))
    stacks = ["mic.mrcs", "mic_2.mrcs"]
    assert names == sorted(
        ["Particles", *stacks, "particles.star", "report.pdf", "run.json", SET, WEIGHTS]
    )
    for stack in stacks:
        assert mrcfile.validate(project / "Den" / "Particles" / stack)
    assert (project / "Den/report.pdf").read_bytes().startswith(b"%PDF")
    record = json.loads((project / "Den/run.json").read_text())
    assert record["state"] == "finished"
    assert (record["particles"], record["images"], record["stacks"]) == (9, 8, 2)
    assert {p: p.read_bytes() for p in before} == before  # the input is untouched


def test_restore_gives_back_the_input(project: Path, iceblock: Run, model: Path) -> None:
    iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q")
    assert iceblock("restore", "Den/particles.star", "--out", "raw.star") == 0
    assert Path("raw.star").read_text().split() == STAR.read_text().split()


def test_output_beside_the_project_is_named_absolutely(
    project: Path, iceblock: Run, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("elsewhere") / "Den"
    assert iceblock("denoise", STAR, "--out", out, "--model", model, "-q") == 0
    name = read_particles(out / "particles.star").names[0]
    assert name.split("@")[1] == str(out / "Particles" / "mic.mrcs")


def test_from_another_folder_paths_start_at_the_project(
    project: Path, iceblock: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    arguments = ("--out", project / "Den", "--model", model, "-q")
    assert iceblock("denoise", project / STAR, *arguments) == 0
    monkeypatch.chdir(project)
    assert "@Den/Particles/" in read_particles(Path("Den/particles.star")).names[0]


def test_same_command_again_computes_nothing(project: Path, iceblock: Run, model: Path) -> None:
    arguments = ("denoise", STAR, "--out", "Den", "--model", model, "-q")
    assert iceblock(*arguments) == 0
    first = {p: p.read_bytes() for p in (project / "Den").rglob("*.mrcs")}
    assert iceblock(*arguments) == 0
    record = json.loads((project / "Den/run.json").read_text())
    assert (record["computed"], record["found_whole"]) == (0, 8)
    assert record["images_per_second"] > 0  # of the pass that computed them
    assert {p: p.read_bytes() for p in first} == first


def test_a_stopped_run_goes_on(project: Path, model: Path) -> None:
    class Stopped(Exception):
        pass

    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise Stopped

    options = DenoiseOptions(STAR, Path("Den"), str(model), batch_size=2)
    with pytest.raises(Stopped):
        run(options, heartbeat=stop)
    assert not Path("Den/particles.star").exists()
    run(options)
    run(DenoiseOptions(STAR, Path("Whole"), str(model), batch_size=2))
    for stack in ("mic.mrcs", "mic_2.mrcs"):
        done = (Path("Den/Particles") / stack).read_bytes()
        assert done == (Path("Whole/Particles") / stack).read_bytes()
    assert json.loads(Path("Den/run.json").read_text())["found_whole"] > 0


def test_another_run_is_not_overwritten(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("denoise", STAR, "--out", "Den", "--model", model, "-q")
    iceblock(*arguments)
    before = Path("Den/Particles/mic.mrcs").read_bytes()
    assert iceblock(*arguments, "--dtype", "float16") == 1
    assert "dtype" in capsys.readouterr().err
    assert Path("Den/Particles/mic.mrcs").read_bytes() == before
    assert iceblock(*arguments, "--dtype", "float16", "--overwrite") == 0
    assert mrcfile.read(Path("Den/Particles/mic.mrcs")).dtype == np.float16


def test_a_changed_input_is_noticed(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("denoise", STAR, "--out", "Den", "--model", model, "-q")
    iceblock(*arguments)
    STAR.write_text(STAR.read_text().replace("'a b'", "'c d'"))
    assert iceblock(*arguments) == 0  # no stack depends on it
    record = json.loads(Path("Den/run.json").read_text())
    assert (record["computed"], record["found_whole"]) == (0, 8)
    assert "'c d'" in Path("Den/particles.star").read_text()
    write_stack(Path("Extract/job003/A/mic.mrcs"), 6, 32, seed=7)
    assert iceblock(*arguments) == 1
    assert "different: stacks" in capsys.readouterr().err


def test_the_input_folder_is_never_the_output(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Extract/job003/A").rename("Extract/job003/Particles")
    STAR.write_text(STAR.read_text().replace("/A/", "/Particles/"))
    before = STAR.read_bytes()
    arguments = ("denoise", STAR, "--out", "Extract/job003", "--model", model, "-q", "--overwrite")
    assert iceblock(*arguments) == 1
    assert "the input itself" in capsys.readouterr().err
    assert STAR.read_bytes() == before
    assert Path("Extract/job003/Particles/mic.mrcs").is_file()


def test_unusable_images_are_counted_and_listed(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mrcfile.open("Extract/job003/A/mic.mrcs", "r+") as file:
        file.data[2] = 7.0
        file.data[1, 3, 3] = np.nan
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model) == 0
    assert "2 images" in capsys.readouterr().err
    listed = Path("Den/passed_through.txt").read_text().split()
    assert listed == ["000002@Extract/job003/A/mic.mrcs", "000003@Extract/job003/A/mic.mrcs"]
    raw, denoised = read_particles(STAR), read_particles(Path("Den/particles.star"))
    for before, after in zip(raw.names, denoised.names, strict=True):
        same = np.array_equal(image(before), image(after), equal_nan=True)
        assert same == (before in listed)


@pytest.mark.drawn
def test_mixed_boxes_are_both_in_the_report(project: Path, iceblock: Run, model: Path) -> None:
    write_stack(Path("Extract/job003/C/other.mrcs"), 3, 48)
    text = STAR.read_text().replace("1 4.0 32\n", "1 4.0 32\n2 7.0 48\n")
    STAR.write_text(text + "000002@Extract/job003/C/other.mrcs 2 1.0 'a b' 1\n")
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q") == 0
    record = json.loads(Path("Den/run.json").read_text())
    assert record["stacks"] == 3
    assert mrcfile.read("Den/Particles/other.mrcs").shape == (48, 48)


def test_all_images_unusable(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stack in Path("Extract").rglob("*.mrcs"):
        with mrcfile.open(stack, "r+") as file:
            file.data[:] = 0
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model) == 0
    assert json.loads(Path("Den/run.json").read_text())["passed_through"] == 8
    assert "denoised with tiny (8 images left raw): " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "float64"], "dtype"),
        (["--keep-noise", "2"], "keep-noise"),
        (["--device", "cuda:7"], "cuda:7"),
        (["--device", "abacus"], "abacus"),
        (["--model", "nothing"], "nothing"),
        (["--contrast", "green"], "contrast"),
        (["--batch-size", "0"], "batch-size"),
        (["--threads", "0"], "threads"),
        (["--pixel-size", "-1"], "pixel-size"),
    ],
)
def test_wrong_options_are_one_sentence(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str],
    arguments: list[str], message: str,
) -> None:  # fmt: skip
    defaults = [] if "--model" in arguments else ["--model", model]
    assert iceblock("denoise", STAR, "--out", "Den", *defaults, *arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert error.count("\n") == 1
    assert not Path("Den").exists()
