"""An evaluation of simulated particles that a tiny model denoised: what it finds and says."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, load_model, save_model
from core.errors import IceblockError
from core.images.cs.table import read_table, replaced, write_table
from core.images.particles import read_particles
from core.noise.source import SpectrumNoise
from core.noise.statistics import noise_statistics
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run as denoise
from core.runs.evaluate.options import EvaluateOptions
from core.runs.evaluate.run import run
from core.sets.stacking.evidence import Evidence, Interval, Told
from core.signal.spectrum import ice_like_power
from core.simulate.dataset import write_dataset
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

STAR, DENOISED = Path("particles.star"), Path("Den/particles.star")
CARD = ModelCard("tiny", 6.0, (3.0, 5.0), (5.0, 7.0), (48, 96), (5000.0, 20000.0))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with 24 simulated particles, denoised with confidences."""
    folder = tmp_path_factory.mktemp("project")
    volume = VolumeTransform(phantom(0, 6.0, diameter=(90, 110)))
    settings = PairSettings((1.0, 1.0), neighbour_rate=0.0, group=4)
    noise = SpectrumNoise(ice_like_power())
    torch.manual_seed(0)
    network = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)
    save_model(folder / "tiny.safetensors", Generator(network), CARD)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_dataset(folder, PairGenerator([volume], noise, settings), 24, 32, seed=1)
        denoise(DenoiseOptions(STAR, Path("Den"), "tiny.safetensors", confidence=True))
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def evaluate(**more: object) -> dict:
    options = EvaluateOptions(**{"denoised": DENOISED, "out": Path("Ev"), "gate": False, **more})
    return run(options).verdicts


@pytest.mark.drawn
def test_all_is_found_through_the_denoising_run(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    found = evaluate(clean=Path("clean.star"))
    assert {p.name for p in Path("Ev").iterdir()} == {
        "report.pdf", "report.html", "evaluate.json", "run.json",
    }  # fmt: skip
    assert json.loads(Path("Ev/evaluate.json").read_text()) == found
    assert (found["particles"], found["box"], found["pixel_size"]) == (24, 32, 6.0)
    assert found["confidence"]["all"]
    assert found["passed"] is None
    warned = " ".join(found["warnings"])
    assert "SNR inside the particles" in warned
    assert "boxes of 32 pixels" in warned
    assert "defocus" in warned
    assert set(found["truth"]) == {"raw", "denoised"}
    assert 0.3 < found["truth"]["raw"]["correlation"] < 0.9
    assert "tiny" in Path("Ev/report.html").read_text()
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.drawn
def test_the_same_again_and_another_run(project: Path) -> None:
    first = evaluate()
    pdf = Path("Ev/report.pdf").read_bytes()
    assert evaluate() == first
    assert Path("Ev/report.pdf").read_bytes() == pdf
    with pytest.raises(IceblockError, match="different: sample"):
        evaluate(sample=10)
    assert evaluate(sample=10, overwrite=True)["sample"] == 10


def test_hot_pixels_are_told_and_change_nothing(project: Path) -> None:
    plain = evaluate()
    with mrcfile.open("Particles/simulated.mrcs", "r+") as raw:
        raw.data[::2, 5, 27] = 160 * raw.data.std()
    found = evaluate(overwrite=True)
    assert any("12 images hold pixels far outside" in w for w in found["warnings"])
    assert found["snr"] == pytest.approx(plain["snr"], rel=0.05)
    assert [w for w in found["warnings"] if "hold pixels" not in w] == plain["warnings"]


def test_the_gate_speaks(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.runs.evaluate.checks.NOISE_IMAGES", 40)
    found = evaluate(gate=True, model="tiny.safetensors")
    verdicts = {check["name"]: check["passed"] for check in found["gate"]}
    assert len(verdicts) == 5
    assert found["passed"] == all(verdicts.values())
    page = Path("Ev/report.html").read_text()
    assert all(check["title"] in page for check in found["gate"])
    if not found["passed"]:
        assert found["verdict"].startswith("Do not trust")


def test_the_gate_tries_the_whole_result_where_the_set_taught(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.evaluate.checks.NOISE_IMAGES", 40)
    volume = VolumeTransform(phantom(0, 6.0, diameter=(90, 110)))
    settings = PairSettings((1.0, 1.0), neighbour_rate=0.0)
    generator = PairGenerator([volume], SpectrumNoise(ice_like_power()), settings)
    Path("Many").mkdir()
    write_dataset(Path("Many"), generator, 130, 32, seed=2)
    many = Path("Many") / STAR
    denoise(DenoiseOptions(many, Path("Den2"), "tiny.safetensors"))
    asked = {"denoised": Path("Den2/particles.star"), "gate": True, "model": "tiny.safetensors"}
    found = evaluate(**asked)
    tried = [check["tried"] for check in found["gate"]]
    assert tried == 5 * ["network alone"] + 3 * ["whole result"]
    assert found["whole_result_not_tried"] is None
    page = Path("Ev/report.html").read_text()
    assert "the network alone:" in page
    assert "the whole result:" in page
    Path("Den2/weights.safetensors").unlink()
    again = evaluate(**asked, out=Path("Ev2"))
    assert again["gate"] == found["gate"][:5]
    assert "not beside the particles" in again["whole_result_not_tried"]
    assert "the whole result was not tried" in Path("Ev2/report.html").read_text()


def test_noise_is_compared_with_a_bank(project: Path) -> None:
    found = evaluate(noise=Path("Particles/simulated.mrcs"))["training_noise"]
    assert found["bank"] == "Particles/simulated.mrcs"
    assert found["spectral_factor"] > 1


def test_noise_is_compared_with_what_the_card_says(project: Path) -> None:
    assert evaluate(out=Path("Without"))["training_noise"] is None
    assert "nothing: give" in Path("Without/report.html").read_text()
    statistics = noise_statistics(SpectrumNoise(torch.ones(1, 33), variation=0.0), 48, 6.0)
    model = load_model(Path("tiny.safetensors"))
    card = replace(model.card, noise_statistics=statistics)
    save_model(Path("knowing.safetensors"), model.generator, card)
    found = evaluate(model="knowing.safetensors")["training_noise"]
    assert found["bank"] is None
    assert found["spectral_factor"] > 1.1
    assert found["skewness"] == statistics["skewness"]
    assert "training, from its card" in Path("Ev/report.html").read_text()
    noise = Path("Particles/simulated.mrcs")
    given = evaluate(model="knowing.safetensors", noise=noise, out=Path("Given"))
    assert given["training_noise"] == evaluate(noise=noise, out=Path("Old"))["training_noise"]
    assert "from its card" not in Path("Given/report.html").read_text()


def test_raw_images_given_or_not(project: Path) -> None:
    text = DENOISED.read_text().replace("_rlnImageOriginalName", "_rlnOther")
    text = text.replace("_rlnIceblockRawImageName", "_rlnYetAnother")
    Path("Den/lost.star").write_text(text)
    with pytest.raises(IceblockError, match="does not name raw images"):
        evaluate(denoised=Path("Den/lost.star"))
    given = evaluate(denoised=Path("Den/lost.star"), raw=STAR)
    assert given["snr"] == evaluate(out=Path("Other"))["snr"]


def test_a_selection_is_matched_by_name(project: Path) -> None:
    rows = DENOISED.read_text().splitlines(keepends=True)
    last = max(k for k, line in enumerate(rows) if "@Den" in line)
    Path("Den/some.star").write_text("".join(rows[: last - 5] + rows[last + 1 :]))
    found = evaluate(denoised=Path("Den/some.star"), raw=STAR)
    assert found["particles"] == 18
    with pytest.raises(IceblockError, match=r"clean\.star has 24 rows"):
        evaluate(denoised=Path("Den/some.star"), clean=Path("clean.star"), out=Path("B"))
    Path("fewer.star").write_text(
        "".join(line for line in STAR.read_text().splitlines(keepends=True)
                if "000002@" not in line)
    )  # fmt: skip
    with pytest.raises(IceblockError, match=r"row 2 was made from .*000002@"):
        evaluate(denoised=Path("Den/some.star"), raw=Path("fewer.star"), out=Path("B"))


def test_without_a_known_model_it_says_so(project: Path) -> None:
    Path("tiny.safetensors").unlink()
    found = evaluate(gate=True)
    assert found["gate"] == []
    assert "name it with --model" in found["warnings"][0]
    assert "Nothing was tried" in found["verdict"]


def test_what_the_set_told_while_it_was_denoised(project: Path) -> None:
    assert evaluate()["evidence"] is None
    assert "not told: this run learned nothing" in Path("Ev/report.html").read_text()
    record = json.loads(Path("Den/run.json").read_text())
    sure = Interval(0.52, 0.5, 0.54)
    names = ("raw", "best low-pass", "Wiener filter of the set", "network", "result")
    told = tuple(Told(name, sure, None, sure, (sure, None)) for name in names)
    made = Evidence(500, 60.0, 6.0, (20.0, 13.0), told).plain()
    record["sets"] = [
        {"learned_from": 100, "evidence": None},
        {"learned_from": 600, "evidence": made},
        {"learned_from": 300, "evidence": made | {"images": 250}},
    ]
    Path("Den/run.json").write_text(json.dumps(record))
    assert evaluate(out=Path("Again"))["evidence"] == made
    assert "0.52 (0.50 to 0.54) after" in Path("Again/report.html").read_text()


def test_black_particles_of_cryosparc(project: Path) -> None:
    raw = read_particles(STAR)
    kinds = [("uid", "<u8"), ("blob/path", "S40"), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,)),
             ("blob/psize_A", "<f4"), ("blob/sign", "<f4"), ("blob/import_sig", "<u8")]  # fmt: skip
    records = np.zeros(raw.n, dtype=kinds)
    records["uid"] = np.arange(raw.n) + 5
    records["blob/path"] = b"Particles/simulated.mrcs"
    records["blob/idx"] = raw.indices
    records["blob/shape"], records["blob/psize_A"], records["blob/sign"] = 32, 6.0, 1
    write_table(records, project / "raw.cs")
    denoise(DenoiseOptions(Path("raw.cs"), Path("Cs"), "tiny.safetensors", confidence=True))
    from_star, found = evaluate(), evaluate(denoised=Path("Cs/particles.cs"), out=Path("EvCs"))
    assert found["snr"] == from_star["snr"]
    assert found["confidence"]["percentile_50"] == pytest.approx(
        from_star["confidence"]["percentile_50"], abs=1e-3
    )
    table = read_table(Path("Cs/particles.cs"))
    write_table(replaced(table, {"uid": table["uid"] + np.uint64(99)}), project / "Cs/odd.cs")
    with pytest.raises(IceblockError, match="does not have"):
        evaluate(denoised=Path("Cs/odd.cs"), out=Path("EvOdd"))
    Path("raw.cs").unlink()
    with pytest.raises(IceblockError, match="--raw"):
        evaluate(denoised=Path("Cs/particles.cs"), out=Path("EvGone"))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sample": 2}, "sample is 2"),
        ({"contrast": "green"}, "contrast"),
        ({"threads": 0}, "threads"),
        ({"model": "nothing"}, "nothing"),
        ({"raw": Path("gone.star")}, "gone.star"),
        ({"noise": Path("gone")}, "gone"),
        ({"denoised": Path("gone.star")}, "gone.star"),
    ],
)
def test_mistakes_are_one_sentence(project: Path, more: dict, message: str) -> None:
    with pytest.raises(IceblockError, match=message) as caught:
        evaluate(**more)
    assert "\n" not in str(caught.value)
    assert not Path("Ev/report.pdf").exists()


def test_images_that_cannot_be_judged(project: Path) -> None:
    stack = Path("Den/Particles/simulated.mrcs")
    data = bytearray(stack.read_bytes())
    data[1024:] = np.full((len(data) - 1024) // 4, np.nan, dtype="<f4").tobytes()
    stack.write_bytes(bytes(data))
    with pytest.raises(IceblockError, match="none of the 24 images"):
        evaluate()
