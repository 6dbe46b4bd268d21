"""Whole runs, from micrographs to denoised particles: stages, choices, resuming, refusals."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.console import Console
from core.denoise.model_file import load_model
from core.errors import IceblockError
from core.images.particles import read_particles
from core.noise.bank import NoiseBank
from core.noise.cutter import CutSettings
from core.remarks import collected
from core.runs.denoise import run as denoising
from core.runs.denoise.options import DenoiseOptions
from core.runs.life import Run
from core.runs.noise import run as extracting
from core.runs.noise.options import NoiseOptions
from core.runs.options import options_of
from core.runs.record import write_record
from core.runs.train import run as training
from core.runs.train.gain import paired_gain
from core.runs.whole import run as whole_run
from core.runs.whole import stages as whole_stages
from core.runs.whole.choice import compared
from core.runs.whole.inputs import block_box, look
from core.runs.whole.log import names_of
from core.runs.whole.options import TIME_LIMIT, WholeOptions
from core.runs.whole.record import WholeRecord
from core.runs.whole.report import last_lines
from core.runs.whole.run import run
from core.sets.stacking.evidence import Interval
from core.wording import NOT_HERE, offered, renamed, worded, wording

from ..whole_project import (
    BOX,
    MICROGRAPHS,
    MODEL,
    PARTICLES,
    SEGMENTATION,
    VOLUME,
    write_whole_project,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_whole_project(tmp_path, micrographs=2)
    return tmp_path


def options(**changes: Any) -> WholeOptions:
    usual: dict[str, Any] = {
        "particles": Path(PARTICLES), "out": Path("Out"), "micrographs": (Path(MICROGRAPHS),),
        "volumes": (Path(VOLUME),), "model": MODEL, "segmentation": SEGMENTATION, "steps": 1,
        "device": "cpu", "threads": 1, "gate": False, "command": "iceblock run …",
    }  # fmt: skip
    return WholeOptions(**{**usual, **changes})


def alone(**changes: Any) -> WholeOptions:
    """Particles, and nothing to learn from."""
    return options(micrographs=(), volumes=(), **changes)


def stamps(*folders: str) -> dict[str, int]:
    """Time of change of every file, which tells what was made again."""
    files = [file for name in folders for file in Path("Out", name).rglob("*") if file.is_file()]
    return {str(file): file.stat().st_mtime_ns for file in files}


def test_advice_of_a_stage_names_what_the_whole_run_has() -> None:
    known = {one.option for one in options_of(WholeOptions).values()}
    names = names_of("noise")
    for one in options_of(NoiseOptions).values():
        assert names.get(one.option, one.option) in {*known, NOT_HERE}, one.option
    for stage in ("tuning", "trust"):
        assert {*names_of(stage).values()} <= {*known, NOT_HERE}
    with wording(renamed(names)):
        assert offered(["a smaller --margin", "a smaller --box"]) == "a smaller --box"
        assert worded("give --pixel-size") == "give --micrograph-pixel-size"
        assert offered(["add some with --synthetic"]) == ""


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True], ids=["optics table", "RELION 3.0"])
@pytest.mark.drawn
def test_everything_learned_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole_project(tmp_path, micrographs=2, old=old)
    said = StringIO()
    record = run(options(), progress=said).plain()
    assert record["state"] == "finished"
    assert sorted(path.name for path in Path("Out").iterdir()) == [
        "Denoised", "Model", "Noise", "Trust", "report.pdf", "run.json",
    ]  # fmt: skip
    assert json.loads(Path("Out/run.json").read_text())["stages"] == record["stages"]
    bank = NoiseBank.read(Path("Out/Noise"))
    assert bank.box == BOX
    assert record["stages"]["noise"]["blocks"] == bank.n > 0
    (little,) = (w for w in record["stages"]["noise"]["warnings"] if "The noise is little" in w)
    assert little.endswith("times are needed; a smaller --noise-box gives more real ones.")
    tuned = load_model(Path("Out/Model/model.safetensors"))
    assert tuned.card.name == "tiny-tuned"
    assert tuned.card.training["steps"] == 1
    tuning = record["stages"]["tuning"]
    assert tuning["remarks"]
    assert not any("--held-out" in remark for remark in tuning["remarks"])
    scores = json.loads(Path("Out/Model/run.json").read_text())["scores"]
    for name, mean in (("before", tuning["before"]), ("this model", tuning["after"])):
        assert sum(scores[name].values()) / len(scores[name]) == pytest.approx(mean, abs=1e-5)
    gain = tuning["gain"]
    assert gain["mean"] == pytest.approx(tuning["after"] - tuning["before"], abs=3e-5)
    assert tuning["used"] == (gain["mean"] > max(0.0005, 2 * gain["error"]))
    used = "tiny-tuned" if tuning["used"] else "tiny"
    assert record["stages"]["denoising"]["model"] == used
    particles = read_particles(Path("Out/Denoised/particles.star"))
    assert particles.n == read_particles(Path(PARTICLES)).n
    assert Path("Out/report.pdf").read_bytes().startswith(b"%PDF")
    for words in ("[1/5] Cutting", "[2/5] Fine-tuning tiny", "[3/5] Denoising",
                  "[4/5] Left out: classes (fewer than 100 particles)", "[5/5] Examining",
                  "Held-out correlation", "113 Å (of the reference)"):  # fmt: skip
        assert words in said.getvalue()

    kept = stamps("Noise", "Model", "Denoised/Particles", "Trust")
    assert run(options()).plain()["stages"] == record["stages"]
    assert stamps("Noise", "Model", "Denoised/Particles", "Trust") == kept
    with pytest.raises(IceblockError, match=r"different: tuning seed\); .*--overwrite"):
        run(options(seed=1))
    noise = stamps("Noise")
    run(options(seed=1, overwrite=True))
    assert stamps("Noise") == noise
    assert load_model(Path("Out/Model/model.safetensors")).sha256 != tuned.sha256


def test_particles_alone_are_denoised_as_by_the_command(project: Path) -> None:
    said = StringIO()
    record = run(alone(), progress=said).plain()
    assert "No micrographs: without noise of their own ice nothing is fine-tuned" in said.getvalue()
    assert record["stages"]["noise"] == {"left_out": "no micrographs"}
    assert not Path("Out/Noise").exists()
    assert not Path("Out/Model").exists()
    denoising.run(DenoiseOptions(Path(PARTICLES), Path("Plain"), model=MODEL, device="cpu"))
    for name in ("mic01.mrcs", "mic02.mrcs"):
        made = Path("Out/Denoised/Particles") / name
        assert made.read_bytes() == (Path("Plain/Particles") / name).read_bytes()


def test_what_the_set_tells_is_said_last_and_first() -> None:
    record = WholeRecord()
    assert "own images" not in last_lines(options(), record)
    record.stages.denoising.evidence = "On this set's own images: correlation …"
    assert record.stages.denoising.evidence in last_lines(options(), record)


@pytest.mark.parametrize("stage", ["denoising", "trust"])
def test_a_stopped_run_is_continued(
    project: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def stop(*arguments: object, **others: object) -> None:
        raise KeyboardInterrupt

    module = {"denoising": denoising, "trust": whole_stages.evaluating}[stage]
    with monkeypatch.context() as patch:
        patch.setattr(module, "run", stop)
        with pytest.raises(KeyboardInterrupt):
            run(alone())
    assert json.loads(Path("Out/run.json").read_text())["state"] == "running"
    done = stamps("Denoised/Particles")
    assert bool(done) == (stage == "trust")
    assert run(alone()).state == "finished"
    assert stamps("Denoised/Particles").items() >= done.items()


def test_each_alone_is_passed_on(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[DenoiseOptions] = []

    def stop(options: DenoiseOptions, **others: object) -> None:
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(denoising, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        run(alone(each_alone=True))
    assert asked[0].each_alone
    with pytest.raises(IceblockError, match="different: denoising each alone"):
        run(alone())


def fake_training(monkeypatch: pytest.MonkeyPatch, before: float, after: float) -> list[Any]:
    """Put a training in the place of the real one that has only its record to show."""
    asked: list[Any] = []

    def train(options: Any, **others: object) -> None:
        asked.append(options)
        scores = {"before": {"a": before, "b": before}, "this model": {"a": after, "b": after}}
        options.out.mkdir(exist_ok=True)
        gain = paired_gain(after - before + SPREAD * np.tile([-1.0, 1.0], 32))
        made = {"scores": scores, "gain": gain, "steps": 3, "training_seconds": 1.0, "remarks": []}
        write_record(options.out, made)

    monkeypatch.setattr(training, "run", train)
    monkeypatch.setattr(whole_stages, "own_gain", lambda *others: None)
    return asked


def stages_of(project: Path, **changes: Any) -> whole_stages.Stages:
    Path("Out").mkdir()
    asked = options(**changes)
    return whole_stages.Stages(asked, look(asked), WholeRecord(), Run(asked, []), Console())


SPREAD = 0.02
"""Of the gains of 64 images: the standard error of their mean is 0.0025."""


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (0.31, "better by 0.0100 ± 0.0025, and the fine-tuned model denoises"),
        (0.3051, "better by 0.0051 ± 0.0025, and the fine-tuned model denoises"),
        (
            0.3024,
            "better by 0.0024 ± 0.0025 only, which is too little, and the model without",
        ),
        (0.3, "made it no better, and the model without"),
        (0.29, "made it no better, and the model without"),
    ],
)
def test_the_surely_better_model_denoises(
    project: Path, monkeypatch: pytest.MonkeyPatch, after: float, words: str
) -> None:
    asked = fake_training(monkeypatch, 0.3, after)
    stages = stages_of(project, steps=None)
    used = after > 0.305
    assert stages.tuning(Path("Out/Noise")) == ("Out/Model/model.safetensors" if used else MODEL)
    tuning = stages.record.stages.tuning
    assert tuning.used == used
    assert words in compared(tuning)
    assert (asked[0].time_limit, asked[0].steps) == (TIME_LIMIT, None)
    assert asked[0].start == MODEL


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        ((0.02, 0.01, 0.03), "+0.0200 (+0.0100 to +0.0300), and the fine-tuned model denoises"),
        ((0.02, -0.01, 0.05), "(-0.0100 to +0.0500), and the model without fine-tuning denoises"),
        ((-0.02, -0.03, -0.01), "and the model without fine-tuning denoises"),
    ],
)
def test_the_particles_themselves_choose_the_model(
    project: Path, monkeypatch: pytest.MonkeyPatch, gain: tuple[float, float, float], words: str
) -> None:
    """Where they tell, whatever simulated images say."""
    fake_training(monkeypatch, 0.3, 0.29 if gain[1] > 0 else 0.31)
    monkeypatch.setattr(whole_stages, "own_gain", lambda *others: Interval(*gain))
    stages = stages_of(project, steps=None)
    used = stages.tuning(Path("Out/Noise")) != MODEL
    assert used == stages.record.stages.tuning.used == (gain[1] > 0)
    assert words in compared(stages.record.stages.tuning)


@pytest.mark.parametrize(("margin", "box"), [(10.0, 40), (2000.0, None)])
def test_smaller_blocks_where_ice_has_no_room(
    project: Path, monkeypatch: pytest.MonkeyPatch, margin: float, box: int | None
) -> None:
    """The noise stage cuts them, and the whole run takes what came of it."""
    tried: list[int] = []
    real = extracting.MicrographCutter

    class Watched(real):  # type: ignore[valid-type, misc]
        def cut(self, number: int) -> dict[str, Any]:
            tried.append(self.options.box)
            return super().cut(number)  # type: ignore[no-any-return]

    monkeypatch.setattr(extracting, "MicrographCutter", Watched)
    monkeypatch.setattr(extracting, "report", lambda *_: None)
    monkeypatch.setattr(NoiseOptions, "settings", lambda o: CutSettings(box=o.box, margin=margin))
    stages = stages_of(project, noise_box=80)
    with collected(None) as warned:
        assert stages.noise() == (None if box is None else Path("Out/Noise"))
    noise = stages.record.stages.noise
    assert list(dict.fromkeys(tried)) == ([80, 40] if box else [80, 40, 32])
    assert "blocks of 40 pixels are cut instead" in warned[0]
    if box is None:
        assert re.match("No noise blocks: no noise block of 32 pixels could be cut", warned[-1])
        assert stages.tuning(None) == MODEL
    else:
        assert (noise.box, NoiseBank.read(Path("Out/Noise")).box) == (40, 40)
    tried.clear()
    stages.noise()  # started again, it cuts nothing
    assert not tried


def test_another_mistake_of_the_noise_stage_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def extract(options: Any, **others: object) -> None:
        raise IceblockError("mic01.mrc cannot be read")

    monkeypatch.setattr(extracting, "run", extract)
    with pytest.raises(IceblockError, match=r"mic01\.mrc"):
        stages_of(project).noise()


def test_choices_follow_from_the_inputs(project: Path) -> None:
    full = look(options())
    assert full.picks == Path(PARTICLES)
    assert (full.diameter, full.noise_box, full.to_be_tuned) == (113, BOX, True)
    assert full.remarks == ()
    assert look(options(particle_diameter=90.0, noise_box=48)).noise_box == 48
    given = look(options(volumes=(), picks=Path("Picks")))
    assert given.diameter == round(0.6 * BOX * 4.0)
    assert given.picks == Path("Picks")
    assert not given.to_be_tuned
    assert "No reference volume" in given.remarks[0]
    star = Path(PARTICLES)
    star.write_text(star.read_text().replace("_rlnCoordinateX", "_rlnAutopickFigureOfMerit"))
    assert look(options()).picks is None
    assert "the segmentation alone" in look(options()).remarks[0]


@pytest.mark.parametrize(
    ("pixels", "box"), [(96.0, 96), (96.3, 98), (96.005, 96), (40.0, 40), (12.0, 32)]
)
def test_box_of_noise_blocks(pixels: float, box: int) -> None:
    assert block_box(pixels) == box


def wide_volume(project: Path) -> dict[str, Any]:
    import mrcfile

    with mrcfile.open(project / VOLUME, mode="r+") as file:
        file.voxel_size = 12.0
    return {}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda p: {"particles": Path("none.star")}, "none.star does not exist"),
        (lambda p: {"micrographs": (Path("none.star"),)}, "none.star"),
        (lambda p: {"volumes": (Path("none.mrc"),)}, "none.mrc"),
        (lambda p: {"micrographs": (), "picks": Path("Picks")}, "--micrographs is missing"),
        (lambda p: {"model": "none"}, "neither a file nor one of the models"),
        (lambda p: {"segmentation": "none"}, "segmentation model 'none'"),
        (lambda p: {"device": "cuda:97"}, "cuda:97"),
        (lambda p: {"gpu": "one"}, "numbers of GPUs"),
        (lambda p: {"keep_noise": 2.0}, "keep-noise is 2"),
        (lambda p: {"dtype": "int8"}, "dtype is 'int8'"),
        (lambda p: {"contrast": "grey"}, "contrast is 'grey'"),
        (lambda p: {"steps": 0}, "--steps is 0"),
        (lambda p: {"particle_diameter": 3.0}, "--particle-diameter is 3 Å"),
        (wide_volume, "and the particles' boxes are 160 Å"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(
    project: Path, spoil: Callable[[Path], dict[str, Any]], told: str
) -> None:
    with pytest.raises(IceblockError, match=told):
        run(options(**spoil(project)))
    assert not Path("Out").exists()


def test_torchrun_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(IceblockError, match="give --gpu"):
        run(alone())


def test_the_output_of_another_command_is_left_alone(project: Path) -> None:
    denoising.run(DenoiseOptions(Path(PARTICLES), Path("Out"), model=MODEL, device="cpu"))
    before = stamps("")
    for overwrite in (False, True):
        with pytest.raises(IceblockError, match="holds the outputs of another command"):
            run(alone(overwrite=overwrite))
    assert stamps("") == before


@pytest.mark.parametrize("learned", [False, True])
def test_a_set_that_grows(project: Path, monkeypatch: pytest.MonkeyPatch, learned: bool) -> None:
    """Noise blocks and model are kept, the new stack is denoised, and all is examined anew."""
    monkeypatch.setattr(extracting, "report", lambda *_: None)
    asked = options() if learned else alone()
    if learned:
        fake_training(monkeypatch, 0.3, 0.29)
        monkeypatch.setattr(whole_run, "report", lambda *_: None)
    star = Path(PARTICLES)
    whole = star.read_text()
    star.write_text("".join(line for line in whole.splitlines(True) if "mic02.mrcs" not in line))
    first = run(asked)
    kept = stamps("Noise", "Model", "Denoised/Particles")
    star.write_text(whole)
    with collected(None) as warned:
        second = run(asked)
    assert any("The set has grown" in sentence for sentence in warned)
    assert (second.state, second.stages.denoising.particles) == ("finished", read_particles(star).n)
    assert second.stages.denoising.particles > first.stages.denoising.particles
    assert stamps("Noise", "Model", "Denoised/Particles").items() >= kept.items()
    assert Path("Out/Denoised/Particles/mic02.mrcs").is_file()
    assert json.loads(Path("Out/Trust/evaluate.json").read_text())["particles"] == 8
    again = run(asked)  # and it is known again
    assert again.stages.denoising.particles == second.stages.denoising.particles


def test_other_particles_are_no_grown_set(project: Path) -> None:
    star = Path(PARTICLES)
    whole = star.read_text()
    run(alone())
    star.write_text("".join(line for line in whole.splitlines(True) if "mic02.mrcs" not in line))
    with pytest.raises(IceblockError, match="holds another run"):
        run(alone())
