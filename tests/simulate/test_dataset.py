"""Simulated data sets are read by our own reader, are reproducible, and tell the truth."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile
import torch

from core.errors import IceblockError
from core.images.mrc.reader import read_header, read_images
from core.images.particles import ParticleSet, read_particles
from core.signal.background import ring_statistics
from core.signal.ctf import CtfParameters, ctf_images
from core.simulate.dataset import write_dataset
from core.simulate.pairs import PairGenerator
from core.simulate.projection import VolumeTransform, crop_centre, rotation_matrices, to_images

from .shapes import correlation

Make = Callable[..., PairGenerator]
FILES = ["Clean/simulated.mrcs", "Particles/simulated.mrcs", "clean.star", "particles.star"]
N, BOX = 70, 32  # more than one chunk


def images_of(particles: ParticleSet) -> torch.Tensor:
    stack = read_header(particles.path_of(particles.stacks[0]))
    return torch.from_numpy(read_images(stack, particles.indices))


def table_of(path: Path) -> pd.DataFrame:
    return starfile.read(path)["particles"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_generator: Make) -> Path:
    made = tmp_path_factory.mktemp("dataset") / "new" / "folder"
    write_dataset(made, make_generator(snr_range=(0.5, 0.5)), N, BOX, seed=3)
    return made


def test_what_is_there(folder: Path) -> None:
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert found == FILES


@pytest.mark.parametrize("name", ["particles", "clean"])
def test_our_reader_finds_everything(folder: Path, name: str) -> None:
    particles = read_particles(folder / f"{name}.star")
    stack = read_header(particles.path_of(particles.stacks[0]))
    assert (particles.n, stack.n_images, stack.box_x, stack.box_y) == (N, N, BOX, BOX)
    assert stack.pixel_size == pytest.approx(5.0)
    assert set(particles.boxes) == {BOX}
    np.testing.assert_allclose(particles.pixel_sizes, 5.0)
    np.testing.assert_array_equal(particles.indices, np.arange(N))
    ctf = particles.ctf()
    assert ctf is not None
    assert set(ctf["voltage"]) <= {200.0, 300.0}
    assert (ctf["defocus_u"] > 4000).all()
    images = images_of(particles)
    mean, sd = ring_statistics(images)
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-5)
    if name == "particles":
        torch.testing.assert_close(sd, torch.ones_like(sd), rtol=1e-5, atol=0)


def test_rows_of_noisy_and_clean_correspond(folder: Path) -> None:
    noisy, clean = (table_of(folder / f"{name}.star") for name in ("particles", "clean"))
    pd.testing.assert_frame_equal(
        noisy.drop(columns="rlnImageName"), clean.drop(columns="rlnImageName")
    )
    one, other = (images_of(read_particles(folder / f"{n}.star")) for n in ("particles", "clean"))
    own = [correlation(a, b) for a, b in zip(one, other, strict=True)]
    others = [correlation(a, b) for a, b in zip(one, other.roll(1, dims=0), strict=True)]
    assert min(own) > 0.2
    assert np.mean(own) > np.mean(others) + 0.1


def test_rows_tell_how_the_images_were_made(folder: Path, transform: VolumeTransform) -> None:
    """Angles, CTF and origins as RELION reads them: moved by its origin a particle is centred."""
    clean = read_particles(folder / "clean.star")
    table = table_of(folder / "clean.star")
    ctf = clean.ctf()
    assert ctf is not None
    angles = table[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()
    spectra = transform.slices(rotation_matrices(angles))
    spectra = spectra * ctf_images(CtfParameters(**ctf), 5.0, transform.padded_box)
    expected = crop_centre(to_images(spectra), BOX)
    images = images_of(clean)
    frequency = np.fft.fftfreq(BOX, 5.0)
    for k in range(0, N, 7):
        dx, dy = table.loc[k, ["rlnOriginXAngst", "rlnOriginYAngst"]]
        phase = np.exp(-2j * np.pi * (frequency[:, None] * dy + frequency * dx))
        moved = np.fft.ifft2(np.fft.fft2(images[k].numpy()) * phase).real
        middle = slice(6, -6)  # what was moved wraps round at the borders
        assert correlation(moved[middle, middle], expected[k, middle, middle]) > 0.99


def test_same_seed_same_bytes_at_any_time_of_day(
    folder: Path, make_generator: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starfile.writer.package_info", lambda: "# at another time of day")
    write_dataset(tmp_path, make_generator(snr_range=(0.5, 0.5)), N, BOX, seed=3)
    for name in FILES:
        # Image names are absolute, since no folder is entered.
        made = (tmp_path / name).read_bytes().replace(bytes(tmp_path), bytes(folder))
        assert made == (folder / name).read_bytes(), name


def test_names_start_where_the_user_stands(
    make_generator: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_dataset(Path("a b/Sim"), make_generator(), 5, BOX, seed=0)
    particles = read_particles(Path("a b/Sim/clean.star"))
    assert particles.stacks == ("a b/Sim/Clean/simulated.mrcs",)
    assert particles.root == tmp_path
    assert len(images_of(particles)) == 5


def test_another_seed_gives_other_particles(
    folder: Path, make_generator: Make, tmp_path: Path
) -> None:
    write_dataset(tmp_path, make_generator(snr_range=(0.5, 0.5)), N, BOX, seed=4)
    for name in FILES:
        assert (tmp_path / name).read_bytes() != (folder / name).read_bytes(), name


def test_progress_adds_up(make_generator: Make, tmp_path: Path) -> None:
    done: list[int] = []
    write_dataset(tmp_path, make_generator(), N, BOX, 0, done.append)
    assert sum(done) == N
    assert len(done) > 1


def test_every_volume_is_a_class(
    make_generator: Make,
    transform: VolumeTransform,
    tmp_path: Path,
) -> None:
    write_dataset(tmp_path, make_generator(transform, transform), N, BOX, seed=0)
    assert set(table_of(tmp_path / "particles.star")["rlnClassNumber"]) == {1, 2}


def test_without_ctf_the_tables_do_not_name_one(make_generator: Make, tmp_path: Path) -> None:
    """Defocus beside images without a CTF would have RELION correct what is not there."""
    write_dataset(tmp_path, make_generator(ctf_fraction=0.0), 5, BOX, seed=0)
    for name in ("particles", "clean"):
        assert read_particles(tmp_path / f"{name}.star").ctf() is None
        assert not table_of(tmp_path / f"{name}.star").filter(like="Defocus").columns.any()
    with pytest.raises(IceblockError, match="on all of their images or on none"):
        write_dataset(tmp_path / "mixed", make_generator(ctf_fraction=0.5), 5, BOX, seed=0)
    assert not (tmp_path / "mixed").exists()


def test_a_box_that_holds_no_volume_leaves_nothing(make_generator: Make, tmp_path: Path) -> None:
    with pytest.raises(IceblockError, match="No volume fits"):
        write_dataset(tmp_path, make_generator(), 5, 16, seed=0)
    assert not list(tmp_path.glob("*.star"))
    assert not list(tmp_path.glob("*/*.mrcs"))


def test_a_place_that_cannot_be_written_is_named(make_generator: Make, tmp_path: Path) -> None:
    (tmp_path / "clean.star").mkdir()
    (tmp_path / "clean.star" / "x").touch()
    with pytest.raises(IceblockError, match=r"clean\.star cannot be written"):
        write_dataset(tmp_path, make_generator(), 5, BOX, seed=0)
