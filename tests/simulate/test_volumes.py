"""Maps of any size and suffix become even cubes; densities stay where and what they were."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.simulate.volumes import Volume, read_map, read_volume, resample

from .shapes import CORNERS, axis, blob_volume, blobs, centred, correlation, moments, write_map

PLACE = np.array([[27.0, -24.0, 30.0]])


def noise_map(edge: int = 16) -> np.ndarray:
    return np.random.default_rng(4).normal(size=(edge,) * 3).astype(np.float32)


@pytest.mark.parametrize("name", ["a.mrc", "a.map", "a.ccp4", "a.MRC", "emd_1.2.map", "a.map.gz"])
def test_every_suffix_of_a_map(tmp_path: Path, name: str) -> None:
    data = noise_map()
    plain = write_map(tmp_path / "plain.mrc", data, 3.0).read_bytes()
    path = tmp_path / name
    path.write_bytes(gzip.compress(plain) if name.endswith(".gz") else plain)
    volume = read_volume(path, 3.0)
    assert volume.name == name.split(".")[0]
    assert volume.pixel_size == 3.0
    assert volume.data.dtype == np.float32
    assert correlation(volume.data, data) == pytest.approx(1.0)


@settings(deadline=None, max_examples=30)
@given(shape=st.tuples(*[st.integers(8, 25)] * 3))
def test_any_shape_becomes_an_even_cube_about_the_same_centre(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int]
) -> None:
    data = np.full(shape, 7.0, dtype=np.float32)
    centre = tuple(n // 2 for n in shape)
    data[centre] = 9.0
    data[centre[0] - 1, centre[1] + 2, centre[2] + 3] = 8.0
    volume = read_map(write_map(tmp_path_factory.getbasetemp() / "odd.mrc", data, 2.0))
    assert len(set(volume.data.shape)) == 1
    assert max(shape) <= volume.box <= max(shape) + 1
    assert volume.box % 2 == 0
    expected = np.zeros_like(volume.data)  # what is constant at the border is solvent: 0
    middle = volume.box // 2
    expected[middle, middle, middle] = 2.0
    expected[middle - 1, middle + 2, middle + 3] = 1.0
    np.testing.assert_array_equal(volume.data, expected)


@pytest.mark.parametrize("kind", ["int8", "int16", "uint16", "float16"])
def test_every_mode_of_a_map(tmp_path: Path, kind: str) -> None:
    data = (100 * np.abs(blob_volume(box=24, pixel_size=5.0).data)).astype(kind)
    volume = read_map(write_map(tmp_path / "a.mrc", data, 5.0))
    assert volume.data.dtype == np.float32
    assert correlation(volume.data, data) == pytest.approx(1.0)


@pytest.mark.parametrize("axes", [(1, 2, 3), (3, 2, 1), (2, 1, 3), (2, 3, 1), (3, 1, 2), (0, 0, 0)])
def test_the_axes_that_the_header_names(tmp_path: Path, axes: tuple[int, int, int]) -> None:
    """CCP4 maps may have any axis run fastest; read otherwise they would be mirrored."""
    truth = blob_volume(box=24, pixel_size=5.0).data
    columns, rows, sections = axes if any(axes) else (1, 2, 3)
    stored = truth.transpose([3 - sections, 3 - rows, 3 - columns])  # x is the last axis of truth
    path = write_map(tmp_path / "a.map", np.ascontiguousarray(stored), 5.0)
    header = bytearray(path.read_bytes())
    header[64:76] = np.array(axes, dtype="<i4").tobytes()
    path.write_bytes(header)
    assert correlation(read_map(path).data, truth) > 0.9999


@pytest.mark.parametrize(
    ("box", "pixel_size", "wanted"),
    [
        (48, 2.5, 4.0),
        (48, 2.5, 1.7),
        (40, 3.0, 3.001),
        (70, 2.02, 2.7),
        (36, 3.3, 1.1),
        (40, 3.0, 4.018),
    ],
)
def test_resampling_keeps_place_width_and_density(
    box: int, pixel_size: float, wanted: float
) -> None:
    sigma = 9.0
    made = resample(Volume(blobs(PLACE, (box,) * 3, pixel_size, sigma), pixel_size, "x"), wanted)
    assert made.pixel_size == pytest.approx(wanted, rel=0.0051)
    assert made.box % 2 == 0
    place, spread = moments(made.data, made.pixel_size)
    np.testing.assert_allclose(place, PLACE[0], atol=0.05)
    np.testing.assert_allclose(spread, sigma, rtol=0.02)
    np.testing.assert_allclose(
        made.data, blobs(PLACE, (made.box,) * 3, made.pixel_size, sigma), atol=0.01
    )


@settings(deadline=None, max_examples=25)
@given(box=st.integers(8, 20).map(lambda n: 2 * n), ratio=st.floats(0.4, 2.5))
def test_resampling_hits_the_pixel_size_and_the_centre(box: int, ratio: float) -> None:
    field = 100.0
    pixel_size = field / box
    sigma = 2.5 * pixel_size * max(1.0, 1 / ratio)
    volume = Volume(blobs(np.zeros((1, 3)), (box,) * 3, pixel_size, sigma), pixel_size, "x")
    made = resample(volume, pixel_size / ratio)
    assert made.pixel_size == pytest.approx(pixel_size / ratio, rel=0.0051)
    assert np.unravel_index(made.data.argmax(), made.data.shape) == (made.box // 2,) * 3


def test_waves_at_the_new_nyquist_frequency_are_lost() -> None:
    """As in images: their sign is ambiguous on the coarser grid."""
    wave = np.cos(np.pi * np.arange(40) / 2).astype(np.float32)  # 4 pixels long: 2 afterwards
    for d in range(3):
        data = np.broadcast_to(wave.reshape([-1 if k == d else 1 for k in range(3)]), (40,) * 3)
        made = resample(Volume(np.ascontiguousarray(data), 2.0, "wave"), 4.0)
        assert np.abs(made.data).max() < 1e-5


def test_resampling_from_a_file_is_read_volume(tmp_path: Path) -> None:
    truth = blob_volume(box=40, pixel_size=3.0, sigma=9.0)
    volume = read_volume(write_map(tmp_path / "a.mrc", truth.data, 3.0), 4.5)
    expected = blobs(CORNERS, (volume.box,) * 3, volume.pixel_size, 9.0)
    assert correlation(volume.data, expected) > 0.999


def test_a_pixel_size_that_fits_leaves_the_map_alone(tmp_path: Path) -> None:
    data = noise_map()
    volume = read_map(write_map(tmp_path / "a.mrc", data, 3.0))
    assert resample(volume, 3.0) is volume


def broken_map(folder: Path, fault: str) -> Path:
    path = folder / ("bad.mrc.gz" if "gzip" in fault else "bad.mrc")
    data = noise_map()
    size: float | tuple[float, ...] = 3.0
    if fault == "NaN":
        data[3, 4, 5] = np.nan
    elif fault == "infinite":
        data[3, 4, 5] = -np.inf
    elif fault == "constant":
        data[:] = 0.1
    elif fault == "one image":
        data = data[0]
    elif fault == "complex":
        data = data.astype(np.complex64)
    elif fault == "no pixel size":
        size = 0.0
    elif fault == "oblong voxels":
        size = (3.0, 3.0, 3.6)
    content = bytearray(write_map(folder / "plain.mrc", data, size).read_bytes())
    if fault == "no sampling":
        content[28:40] = bytes(12)
    elif fault == "damaged gzip":
        content = bytearray(gzip.compress(content))
        content[200:300] = b"\x55" * 100
    elif fault == "half a gzip":
        content = bytearray(gzip.compress(content)[:3000])
    cuts = {"empty": 0, "short": 500, "truncated": 5000}
    texts = {"text": b"not a map at all\n" * 100, "random": np.random.default_rng(1).bytes(5000)}
    path.write_bytes(texts.get(fault, bytes(content[: cuts.get(fault)])))
    return path


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("NaN", "NaN or infinite"),
        ("infinite", "NaN or infinite"),
        ("constant", "all its values are equal"),
        ("one image", "not a 3D map"),
        ("complex", "not a 3D map of real numbers"),
        ("no pixel size", "no pixel size in its header"),
        ("no sampling", "no pixel size in its header"),
        ("oblong voxels", "voxels of 3 x 3 x 3.6 Å"),
        ("empty", "not a readable MRC map"),
        ("short", "not a readable MRC map"),
        ("truncated", "less than its header promises"),
        ("text", "not a readable MRC map"),
        ("random", "not a readable MRC map"),
        ("plain in gzip", "not a readable MRC map"),
        ("damaged gzip", "not a readable MRC map"),
        ("half a gzip", "not a readable MRC map"),
    ],
)
def test_a_broken_map_is_named(tmp_path: Path, fault: str, says: str) -> None:
    path = broken_map(tmp_path, fault)
    with pytest.raises(IceblockError, match=f"{re.escape(str(path))}.*{says}"):
        read_volume(path, 4.0)


def test_files_that_are_no_volumes_are_named(tmp_path: Path) -> None:
    with pytest.raises(IceblockError, match=r"none\.mrc does not exist"):
        read_volume(tmp_path / "none.mrc", 4.0)
    with pytest.raises(IceblockError, match="does not exist"):
        read_volume(tmp_path, 4.0)
    for name in ("a.star", "mrc", "a.gz", "a.vol"):
        (tmp_path / name).write_text("data_\n")
        with pytest.raises(
            IceblockError, match=rf"{name} has an unknown suffix: give one of \.mrc"
        ):
            read_volume(tmp_path / name, 4.0)


def test_real_maps(test_data: Path, tmp_path: Path) -> None:
    volume = read_volume(test_data / "maps/EMD-1997_GroEL.map", 6.0)
    assert volume.pixel_size == pytest.approx(6.0, rel=0.0051)
    assert np.isfinite(volume.data).all()
    distance = np.linalg.norm(np.stack(np.meshgrid(*[axis(volume.box, 6.0)] * 3)), axis=0)
    assert volume.data[distance < 60].mean() > volume.data[distance > 90].mean() + 0.01
    with pytest.raises(IceblockError, match="no pixel size"):
        read_volume(test_data / "maps/aspire_clean70SRibosome_65.mrc", 4.0)
    spider = test_data / "maps/scipion_ribosome.vol"
    with pytest.raises(IceblockError, match="unknown suffix"):
        read_volume(spider, 4.0)
    renamed = tmp_path / "spider.mrc"
    renamed.write_bytes(spider.read_bytes())
    with pytest.raises(IceblockError, match=r"spider\.mrc is not a readable MRC map"):
        read_volume(renamed, 4.0)


def test_centring_helper_agrees_with_the_cube() -> None:
    """The tests' own padding, on which others lean."""
    data = np.zeros((5, 8, 6), dtype=np.float32)
    data[2, 4, 3] = 1
    assert centred(data, 11)[5, 5, 5] == 1
    assert centred(data, 4)[2, 2, 2] == 1
