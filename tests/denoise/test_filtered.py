"""Particles that were filtered or denoised before are noticed by their background."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from core.denoise.filtered import FINE, FLAT, background_marks, tell_filtered
from core.images.mrc.reader import read_header
from core.images.mrc.writer import StackWriter
from core.images.output_plan import StackJob
from core.remarks import collected

BOX, PIXEL, WORKING = 64, 2.0, 4.0


def particles(noise: float, blur: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(5)
    d = np.arange(BOX) - BOX // 2
    disc = np.hypot(d[:, None], d) < BOX / 5
    images = disc + noise * rng.normal(size=(8, BOX, BOX))
    return gaussian_filter(images, (0, blur, blur)).astype(np.float32)


def job_of(images: np.ndarray, path: Path) -> StackJob:
    with StackWriter(path, len(images), BOX, PIXEL, np.float32, 4) as writer:
        writer.append(images)
    everyone = np.arange(len(images))
    return StackJob(read_header(path), path.name, path.name, PIXEL, everyone, everyone)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (particles(1.0), None),
        (particles(3.0), None),
        (particles(0.4), None),
        (particles(0.05), "hardly any noise"),
        (particles(3.0, blur=4.0), "no fine noise"),
    ],
)
def test_odd_backgrounds_are_told(images: np.ndarray, words: str | None, tmp_path: Path) -> None:
    with collected(None) as sentences:
        tell_filtered([job_of(images, tmp_path / "a.mrcs")], WORKING)
    assert len(sentences) == (words is not None)
    assert words is None or words in sentences[0]


def test_one_stack_of_several_is_enough_to_be_told(tmp_path: Path) -> None:
    jobs = [job_of(particles(1.0), tmp_path / f"{k}.mrcs") for k in range(4)]
    jobs.append(job_of(particles(0.05), tmp_path / "denoised.mrcs"))
    with collected(None) as sentences:
        tell_filtered(jobs, WORKING)
    assert sentences[0].startswith("8 of 40 particles")


def test_neither_scale_nor_a_hot_pixel_nor_contrast_makes_a_background_odd() -> None:
    images = particles(1.0)
    images[:, 40, 40] = 300
    for version in (images, -images, 1e-4 * images + 7, 1e5 * images):
        inside, fine = background_marks(version.astype(np.float32), PIXEL, WORKING)
        assert (inside < FLAT).all()
        assert (fine > FINE).all()
