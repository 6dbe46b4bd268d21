"""Programs get from arrays what the command writes into files."""

import inspect
import runpy
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from core import api
from core.denoise.generator import Generator
from core.denoise.model_file import save_model
from core.noise.source import SpectrumNoise
from core.simulate.dataset import write_dataset
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

from ..denoise.tiny_network import CARD, TINY

ROOT = Path(__file__).parents[2]
N, BOX, PIXEL_SIZE = 110, 32, 6.0


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    volume = VolumeTransform(phantom(0, PIXEL_SIZE, diameter=(90, 110)))
    noise = SpectrumNoise(torch.ones(1, 17))
    pairs = PairGenerator([volume], noise, PairSettings(snr_range=(0.5, 0.6), neighbour_rate=0.0))
    write_dataset(folder, pairs, N, BOX, seed=1)
    torch.manual_seed(0)
    save_model(folder / "tiny.safetensors", Generator(TINY), CARD)
    return folder


def test_an_array_gives_what_the_file_gives(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    star = api.denoise_file("particles.star", tmp_path / "out", model="tiny.safetensors")
    written = api.read_images(api.read_particles(star))

    particles = api.read_particles("particles.star")
    images, ctf = api.read_images(particles), api.read_ctf(particles)
    assert ctf is not None
    kept = images.copy()
    denoiser = api.Denoiser("tiny.safetensors")
    assert denoiser.learn(images, PIXEL_SIZE, ctf)
    np.testing.assert_array_equal(denoiser(images, PIXEL_SIZE, ctf), written)
    denoised, confidence = denoiser.with_confidence(images, PIXEL_SIZE, ctf)
    np.testing.assert_array_equal(denoised, written)
    assert confidence.shape == (N,)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    np.testing.assert_array_equal(images, kept)


def test_rows_are_read_in_the_order_asked_for(project: Path) -> None:
    particles = api.read_particles(project / "particles.star")
    rows = np.array([7, 2, 2, 99])
    np.testing.assert_array_equal(
        api.read_images(particles, rows), api.read_images(particles)[rows]
    )


def test_black_particles_are_white_ones_the_other_way_round(project: Path) -> None:
    images = api.read_images(api.read_particles(project / "particles.star"))[:5]
    model = api.load_model(project / "tiny.safetensors")
    white, black = (api.Denoiser(model, contrast=c) for c in ("white", "black"))
    np.testing.assert_allclose(black(-images, PIXEL_SIZE), -white(images, PIXEL_SIZE), atol=1e-6)


def test_few_images_teach_nothing_and_bad_ones_come_back(project: Path) -> None:
    denoiser = api.Denoiser(project / "tiny.safetensors")
    images = np.random.default_rng(0).standard_normal((3, 48, 48))
    images[1] = np.nan
    assert not denoiser.learn(images, 4.0)
    denoised, confidence = denoiser.with_confidence(images, 4.0)
    assert np.isnan(denoised[1]).all()
    assert confidence[1] == 0
    assert np.isfinite(denoised[[0, 2]]).all()


@pytest.mark.parametrize(
    ("shape", "pixel_size", "words"),
    [((32, 32), 1.0, "shape"), ((2, 32, 40), 1.0, "shape"), ((2, 32, 32), 0.0, "pixel size")],
)
def test_wrong_arrays_are_refused(
    project: Path, shape: tuple[int, ...], pixel_size: float, words: str
) -> None:
    with pytest.raises(api.IceblockError, match=words):
        api.Denoiser(project / "tiny.safetensors")(np.zeros(shape), pixel_size)


def test_classes_in_one_call(project: Path, tmp_path: Path) -> None:
    star = api.classify_file(project / "particles.star", tmp_path / "c", classes=2, iterations=2)
    assert "_rlnClassNumber" in star.read_text()


def test_a_selection_in_one_call(project: Path, tmp_path: Path) -> None:
    star = api.select_file(project / "particles.star", tmp_path / "s", keep="50%")
    assert len(api.read_particles(star)) == N // 2
    assert len(api.read_particles(star.with_name("rejected.star"))) == N - N // 2


def test_the_example_runs(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "best.mrcs"
    monkeypatch.setattr(sys, "argv", ["x", str(project / "particles.star"), str(out)])
    runpy.run_path(str(ROOT / "examples/denoise_arrays.py"), run_name="__main__")
    with mrcfile.open(out) as file:
        assert file.data.shape == (N // 2, BOX, BOX)
        assert float(file.voxel_size.x) == pytest.approx(PIXEL_SIZE)


def test_the_page_names_all_that_is_public() -> None:
    page = (ROOT / "docs/python.md").read_text()
    for name in api.__all__:
        assert f"`{name}" in page or f"{name}`" in page
        assert inspect.getdoc(getattr(api, name))
