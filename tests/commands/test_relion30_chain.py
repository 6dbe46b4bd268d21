"""STAR files of RELION 3.0, without optics tables, through every command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import mrcfile
import pytest

from core.denoise.model_file import load_model
from core.images.particles import read_particles
from core.noise.bank import NoiseBank

from ..noise_project import BOX, DIAMETER, PIXEL, SUFFIX
from ..training_project import write_noise, write_volume
from ..whole_project import (
    MICROGRAPHS,
    MODEL,
    PARTICLES,
    SEGMENTATION,
    VOLUME,
    write_whole_project,
)

Run = Callable[..., int]
DENOISE = ("denoise", "--model", MODEL, "--device", "cpu", "-q")


@pytest.fixture(autouse=True)
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter a project of RELION 3.0."""
    monkeypatch.chdir(tmp_path)
    write_whole_project(tmp_path, micrographs=2, old=True)
    for name in (PARTICLES, MICROGRAPHS):
        assert "optics" not in Path(name).read_text().lower()


def tokens(path: Path) -> list[str]:
    return path.read_text().split()


def test_denoise_and_restore(iceblock: Run) -> None:
    assert iceblock(*DENOISE, PARTICLES, "--out", "Denoised") == 0
    made = Path("Denoised/particles.star")
    assert "# version" not in made.read_text()
    assert "optics" not in made.read_text().lower()
    found = read_particles(made)
    assert found.pixel_sizes == pytest.approx(PIXEL)
    assert found.stacks == ("Denoised/Particles/mic01.mrcs", "Denoised/Particles/mic02.mrcs")
    assert iceblock("restore", made, "--out", "raw.star") == 0
    assert tokens(Path("raw.star")) == tokens(Path(PARTICLES))


def noise(iceblock: Run, picks: str, out: str) -> NoiseBank:
    asked = ("noise", MICROGRAPHS, "--picks", picks, "--out", out, "--box", BOX,
             "--particle-diameter", DIAMETER, "--model", SEGMENTATION, "-q")  # fmt: skip
    assert iceblock(*asked) == 0
    return NoiseBank.read(Path(out))


@pytest.mark.slow
def test_noise_and_train(iceblock: Run) -> None:
    bank = noise(iceblock, PARTICLES, "Noise")
    assert bank.pixel_size == pytest.approx(PIXEL)
    group = bank.optics[0]
    assert (group.voltage, group.spherical_aberration, group.amplitude_contrast) == (200, 1.4, 0.07)
    other = noise(iceblock, SUFFIX, "Noise31")
    assert (bank.table == other.table).all(axis=None)
    train = ("train", "--noise", "Noise", "--volume", VOLUME, "--particles", PARTICLES,
             "--from", MODEL, "--steps", 1, "--device", "cpu", "--out", "Tuned", "-q")  # fmt: skip
    assert iceblock(*train) == 0
    card = load_model(Path("Tuned/model.safetensors")).card
    assert card.scores["pixel_size"] == pytest.approx(PIXEL)
    assert card.defocus_range == (14900.0, 14900.0)


@pytest.mark.parametrize("given", [(), ("--particle-pixel-size", PIXEL)])
def test_particles_without_any_pixel_size(
    iceblock: Run, capsys: pytest.CaptureFixture[str], given: tuple[object, ...]
) -> None:
    """Other programs' files may have neither a magnification nor a header to tell it."""
    star = Path(PARTICLES)
    star.write_text(star.read_text().replace("_rlnMagnification", "_rlnOther"))
    for stack in Path("Extract").rglob("*.mrcs"):
        with mrcfile.open(stack, mode="r+") as file:
            file.voxel_size = 1.0
    write_noise(Path("Noise"))
    write_volume(Path("wide.mrc"), pixel_size=12.0)
    train = ("train", "--noise", "Noise", "--volume", "wide.mrc", "--particles", PARTICLES,
             "--from", MODEL, "--device", "cpu", "--out", "Tuned", *given)  # fmt: skip
    assert iceblock(*train) == 1
    told = capsys.readouterr().err
    # With a pixel size the next mistake is found: a volume too large for these particles.
    assert ("wide.mrc is" if given else "gives no pixel size") in told


@pytest.mark.parametrize(
    ("name", "box", "pixel_size"),
    [
        ("aspire_sample/sample_particles_relion30.star", 200, 1.338),
        ("empiar10076/empiar_10076_7.star", 320, 1.31),
    ],
)
def test_real_files(iceblock: Run, test_data: Path, name: str, box: int, pixel_size: float) -> None:
    star = test_data / "particles" / name
    assert iceblock(*DENOISE, star, "--out", "Real") == 0
    made = read_particles(Path("Real/particles.star"))
    assert made.pixel_sizes == pytest.approx(pixel_size, rel=0.01)
    with mrcfile.open(made.path_of(made.stacks[0])) as file:
        assert file.data.shape[-1] == box
    assert iceblock("restore", "Real/particles.star", "--out", "real_raw.star") == 0
    # The new file lies elsewhere, so it names the images by their full paths.
    raw = [re.sub(r"^(\d+)@", rf"\1@{star.parent}/", token) for token in tokens(star)]
    assert tokens(Path("real_raw.star")) == raw
