"""Pixels without an image are found, all of them and few others, and filled like the ice around."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.micrographs.defects import find_defects
from core.images.micrographs.fill import fill_defects
from core.images.micrographs.reader import Micrograph, MicrographImage, read_micrograph

from .micrograph_files import ice, write_mrc

KINDS = ["float", "bytes", "few counts", "many counts", "smooth bytes"]


def sound(kind: str, shape: tuple[int, int] = (300, 340), seed: int = 0) -> np.ndarray:
    """Ice as detectors and file formats give it; many neighbours are equal in all but the first."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(shape)
    if kind == "float":
        made = 100 + 6 * noise
    elif kind == "bytes":
        made = np.clip(np.round(128 + 20 * noise), 100, 160)  # clipped at both ends
    elif kind == "few counts":
        made = rng.poisson(0.3, shape)
    elif kind == "many counts":
        made = rng.poisson(30, shape)
    else:
        for axis in (0, 1):
            noise = sum(np.roll(noise, step, axis) for step in range(3)) / 3
        made = np.round(128 + 15 * noise)
    return made.astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_sound_images_have_no_defects(kind: str, seed: int) -> None:
    invalid, remarks = find_defects(sound(kind, seed=seed))
    assert not invalid.any()
    assert remarks == []


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    top=st.integers(0, 240),
    left=st.integers(0, 280),
    side=st.integers(46, 60),
    value=st.sampled_from([0.0, 100.0, 255.0, 65535.0, -1.0]),
)
def test_patches_of_one_value(
    kind: str, seed: int, top: int, left: int, side: int, value: float
) -> None:
    pixels = sound(kind, seed=seed)
    truth = np.zeros(pixels.shape, dtype=bool)
    truth[top : top + side, left : left + side] = True
    pixels[truth] = value
    invalid, remarks = find_defects(pixels)
    assert invalid[truth].all()
    assert (invalid & ~truth).mean() < 0.02  # equal pixels that happen to lie at its edge
    assert remarks


@pytest.mark.parametrize("radius", [6, 7, 10, 25])
def test_round_saturated_patches(radius: int) -> None:
    y, x = np.ogrid[:300, :340]
    disc = (y - 150) ** 2 + (x - 200) ** 2 <= radius**2
    pixels = sound("bytes")
    pixels[disc] = 160
    invalid, remarks = find_defects(pixels)
    assert invalid[disc].all()
    assert (invalid & ~disc).sum() < 60  # equal neighbours of its edge
    assert "saturated patches" in remarks[0]


def test_single_clipped_pixels_are_kept() -> None:
    pixels = sound("float")
    pixels[::17, ::13] = pixels.max()
    pixels[40:43, 50:53] = pixels.max()
    assert not find_defects(pixels)[0].any()


@pytest.mark.parametrize("kind", ["float", "bytes", "many counts"])
def test_dead_lines_and_borders(kind: str) -> None:
    pixels = sound(kind)
    pixels[57] = 0
    pixels[:, 78] = 3
    pixels[130] += 40  # a row that counts too much
    pixels[:, :4] = 9
    pixels[-7:] = 9
    invalid, remarks = find_defects(pixels)
    truth = np.zeros(pixels.shape, dtype=bool)
    for place in (np.s_[57], np.s_[:, 78], np.s_[130], np.s_[:, :4], np.s_[-7:]):
        truth[place] = True
    assert (invalid == truth).mean() > 0.9999
    assert invalid[truth].all()
    text = "; ".join(remarks)
    assert "7 at the bottom, 4 at the left" in text
    assert "row 58 is constant" in text
    assert "column 79 is constant" in text
    assert "row 131 is far from the mean" in text


def test_half_a_dead_line() -> None:
    pixels = sound("bytes")
    pixels[20, 100:190] = 77
    pixels[200:260, 33] = 255
    invalid, _ = find_defects(pixels)
    assert invalid[20, 100:190].all()
    assert invalid[200:260, 33].all()
    assert invalid.sum() < 160


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), count=st.integers(1, 200))
def test_what_is_no_number(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = sound("float")
    places = rng.integers(0, pixels.shape[0], count), rng.integers(0, pixels.shape[1], count)
    pixels[places] = rng.choice([np.nan, np.inf, -np.inf, 3e38, -3e38], count)
    invalid, remarks = find_defects(pixels)
    expected = np.zeros(pixels.shape, dtype=bool)
    expected[places] = True
    np.testing.assert_array_equal(invalid, expected)
    assert "NaN" in remarks[0]


def test_slopes_and_edges_are_no_defects() -> None:
    pixels = sound("float")
    pixels += np.linspace(0, 300, pixels.shape[0], dtype=np.float32)[:, None]
    pixels[:, 170:] += 80  # a carbon edge along a column
    assert not find_defects(pixels)[0].any()


def test_filling_looks_like_the_ice_around() -> None:
    pixels = sound("float", (512, 512))
    pixels += np.linspace(0, 60, 512, dtype=np.float32)  # thicker ice to the right
    pixels[:, 256:] *= 2
    invalid = np.zeros(pixels.shape, dtype=bool)
    invalid[100:140, 40:80] = invalid[100:140, 400:440] = invalid[300] = True
    truth = pixels.copy()
    pixels[invalid] = np.nan
    fill_defects(pixels, invalid, seed="a.mrc")
    np.testing.assert_array_equal(pixels[~invalid], truth[~invalid])
    for place in (np.s_[100:140, 40:80], np.s_[100:140, 400:440]):
        assert pixels[place].mean() == pytest.approx(truth[place].mean(), rel=0.02)
        assert pixels[place].std() == pytest.approx(truth[place].std(), rel=0.2)
    again = truth.copy()
    fill_defects(again, invalid, seed="a.mrc")
    np.testing.assert_array_equal(again, pixels)
    fill_defects(again, invalid, seed="b.mrc")
    assert (again != pixels)[invalid].mean() > 0.99


def read(path: Path) -> MicrographImage:
    return read_micrograph(Micrograph("a", path, 1.0))


def test_a_read_micrograph_is_finite_everywhere(tmp_path: Path) -> None:
    pixels = ice((200, 220))
    pixels[:10] = 0
    pixels[50:90, 60:100] = np.nan
    path = write_mrc(tmp_path / "a.mrc", pixels)
    before = path.read_bytes()
    image = read(path)
    assert np.isfinite(image.pixels).all()
    assert not image.valid[:10].any()
    assert not image.valid[50:90, 60:100].any()
    assert (~image.valid).sum() == 10 * 220 + 1600
    np.testing.assert_array_equal(image.pixels[image.valid], pixels[image.valid])
    assert image.pixels[~image.valid].mean() == pytest.approx(100, abs=1)
    assert image.pixels[~image.valid].std() == pytest.approx(6, rel=0.1)
    assert len(image.remarks) == 2
    np.testing.assert_array_equal(read(path).pixels, image.pixels)
    assert path.read_bytes() == before


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan, np.inf])
def test_micrographs_without_an_image(tmp_path: Path, value: float) -> None:
    pixels = np.full((100, 120), value, dtype=np.float32)
    with pytest.raises(IceblockError, match=r"a\.mrc is unusable: 0 %"):
        read(write_mrc(tmp_path / "a.mrc", pixels))
    pixels[:30] = ice((30, 120))
    with pytest.raises(IceblockError, match=r"a\.mrc is unusable: 30 %"):
        read(write_mrc(tmp_path / "a.mrc", pixels))


@settings(deadline=None, max_examples=40)
@given(shape=st.tuples(st.integers(1, 40), st.integers(1, 40)), seed=st.integers(0, 9))
def test_any_shape(shape: tuple[int, int], seed: int) -> None:
    pixels = ice(shape, seed)
    invalid, _ = find_defects(pixels)
    assert not invalid.any()
    pixels[-1, -1] = np.nan
    invalid, _ = find_defects(pixels)
    assert invalid.sum() == 1
    if pixels.size > 1:
        fill_defects(pixels, invalid, "x")
        assert np.isfinite(pixels).all()


def test_real_micrographs_are_sound(test_data: Path) -> None:
    paths = sorted((test_data / "projects").glob("*/Micrographs/*.mrc"))
    assert len(paths) == 12
    for path in paths[::2]:
        image = read(path)
        assert (~image.valid).mean() < 0.001, path
