"""Which micrographs there are, at what pixel size, and what their files hold."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import IceblockError
from core.images.micrographs.reader import Micrograph, list_micrographs, read_micrograph

from .micrograph_files import ice, micrographs_star, project, write_mrc
from .stacks import old_star_text, write_raw

IN_TMP = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read(path: Path) -> np.ndarray:
    image = read_micrograph(Micrograph(path.as_posix(), path, 1.5))
    assert image.pixels.dtype == np.float32
    assert image.pixels.flags.c_contiguous
    assert image.valid.all()
    assert image.remarks == ()
    return image.pixels


# --- what is listed ---


def test_real_projects(test_data: Path) -> None:
    expected = {
        "empiar10028_80S": (5, 5.36, (1024, 1024)),
        "empiar10059_trpv1": (5, 4.4042, (1024, 1024)),
        "empiar10146_apoferritin": (2, 1.5, (1200, 1240)),
    }
    for name, (count, pixel_size, shape) in expected.items():
        folder = test_data / "projects" / name
        micrographs = list_micrographs(folder / "Micrographs/micrographs.star")
        assert len(micrographs) == count
        for micrograph in micrographs:
            assert micrograph.name.startswith("Micrographs/")
            assert micrograph.path == folder / micrograph.name
            assert micrograph.pixel_size == pixel_size
        image = read_micrograph(micrographs[0])
        assert image.pixels.shape == shape
        assert (~image.valid).mean() < 0.001  # 8-bit sources, and 16-bit ones clipped at both ends
        # Their headers say the same.
        listed = list_micrographs(folder / "Micrographs")
        assert [one.path for one in listed] == [one.path for one in micrographs]
        np.testing.assert_allclose([one.pixel_size for one in listed], pixel_size)


@pytest.mark.parametrize(
    ("tags", "row", "size"),
    [
        ("_rlnMicrographPixelSize", "1.5", 1.5),
        ("_rlnMicrographOriginalPixelSize", "0.75", 0.75),
        ("_rlnMicrographOriginalPixelSize _rlnMicrographPixelSize", "0.75 1.5", 1.5),
        ("_rlnDetectorPixelSize _rlnMagnification", "5.0 50000", 1.0),
        ("_rlnMicrographPixelSize", "1.0", 1.0),
    ],
)
def test_pixel_sizes_of_optics_tables(tmp_path: Path, tags: str, row: str, size: float) -> None:
    tags = f"_rlnOpticsGroup _rlnOpticsGroupName {tags}"
    star = project(tmp_path, ["Micrographs/a.mrc"], optics=f"1 og1 {row}", optics_tags=tags)
    assert [one.pixel_size for one in list_micrographs(star)] == [pytest.approx(size)]
    assert [one.pixel_size for one in list_micrographs(star, 3.0)] == [3.0]


def test_each_optics_group_has_its_pixel_size(tmp_path: Path) -> None:
    names = ["a.mrc", "b.mrc", "c.mrc"]
    star = project(tmp_path, names)
    star.write_text(micrographs_star(names, "2 x 1.5\n7 y 0.8", groups=[7, 2, 7]))
    assert [one.pixel_size for one in list_micrographs(star)] == [0.8, 1.5, 0.8]


def test_old_star_files(tmp_path: Path) -> None:
    write_mrc(tmp_path / "Micrographs/a b.mrc", ice())
    star = tmp_path / "micrographs_ctf.star"
    tags = ["_rlnMicrographName #1", "_rlnMagnification #2", "_rlnDetectorPixelSize #3"]
    star.write_text(old_star_text(['"Micrographs/a b.mrc" 100000 14'], tags))
    (micrograph,) = list_micrographs(star)
    assert (micrograph.name, micrograph.pixel_size) == ("Micrographs/a b.mrc", 1.4)
    assert read_micrograph(micrograph).valid.all()
    star.write_text(old_star_text(['"Micrographs/a b.mrc"'], tags[:1]))
    assert list_micrographs(star)[0].pixel_size == 2.0  # its header
    star.write_text(old_star_text(['"Micrographs/a b.mrc" 0 0'], tags))
    assert list_micrographs(star)[0].pixel_size == 2.0


def test_particles_name_their_micrographs_once(tmp_path: Path) -> None:
    write_mrc(tmp_path / "a.mrc", ice(), pixel_size=2.5)
    tags = ["_rlnImageName", "_rlnMicrographName", "_rlnMicrographOriginalPixelSize"]
    star = tmp_path / "particles.star"
    star.write_text(old_star_text([f"{n}@a.mrcs a.mrc 1.25" for n in (1, 2, 3)], tags))
    (micrograph,) = list_micrographs(star)
    assert micrograph.name == "a.mrc"
    assert micrograph.pixel_size == 2.5  # binned after the movie's 1.25


def test_files_and_folders(tmp_path: Path) -> None:
    for name in ("b.MRC", "a.mrc", "a_PS.mrc", "a_mask.mrc", ".c.mrc"):
        write_mrc(tmp_path / name, ice())
    Image.fromarray(ice().astype(np.uint8)).save(tmp_path / "a_mask.png")
    Image.fromarray(ice().astype(np.uint8)).save(tmp_path / "d.PNG")
    (tmp_path / "notes.txt").write_text("x")
    names = [one.path.name for one in list_micrographs(tmp_path, 1.5)]
    assert names == ["a.mrc", "b.MRC", "d.PNG"]
    files = [tmp_path / "b.MRC", tmp_path / "a.mrc", tmp_path / "b.MRC"]
    listed = list_micrographs(files)
    assert [one.name for one in listed] == [path.as_posix() for path in files[:2]]
    assert [one.pixel_size for one in listed] == [2.0, 2.0]


def test_missing_files_are_named_with_their_row_when_read(tmp_path: Path) -> None:
    star = project(tmp_path, ["Micrographs/a.mrc", "Micrographs/b.mrc"])
    (tmp_path / "Micrographs/a.mrc").unlink()
    first, second = list_micrographs(star)
    assert read_micrograph(second).valid.all()
    with pytest.raises(IceblockError, match=r"a\.mrc, named in row 1 of data_micrographs in .*"):
        read_micrograph(first)
    (tmp_path / "Micrographs/b.mrc").unlink()
    with pytest.raises(IceblockError, match="give the command in the project folder"):
        list_micrographs(star)


@pytest.mark.parametrize("size", [0.0, 1.0, -3.0, 1e6, float("nan")])
def test_unknown_pixel_sizes_ask_for_one(tmp_path: Path, size: float) -> None:
    path = write_mrc(tmp_path / "a.mrc", ice(), pixel_size=size)
    with pytest.raises(IceblockError, match=r"a\.mrc is not known .*--pixel-size"):
        list_micrographs(path)
    assert list_micrographs(path, 1.3)[0].pixel_size == 1.3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data_\n\nloop_\n_rlnMicrographMovieName\na.mrcs\n", "lists movies"),
        ("data_\n\nloop_\n_rlnImageName\n1@a.mrcs\n", "no column rlnMicrographName"),
        ("data_\n\nloop_\n_rlnMicrographName\n\n", "has no micrographs"),
        ("data_\n\nloop_\n_rlnMicrographName\na.mrc\nNone\n", "row 2 of data_"),
        (
            "data_\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\na.mrc -1\n",
            "must be above 0",
        ),
    ],
)
def test_tables_without_micrographs(tmp_path: Path, text: str, message: str) -> None:
    star = tmp_path / "x.star"
    star.write_text(text)
    write_mrc(tmp_path / "a.mrc", ice())
    with pytest.raises(IceblockError, match=message):
        list_micrographs(star)


def test_a_given_pixel_size_makes_up_for_wrong_ones(tmp_path: Path) -> None:
    star = project(tmp_path, ["a.mrc"], optics="1 og1 0.0")
    with pytest.raises(IceblockError, match="must be above 0"):
        list_micrographs(star)
    assert list_micrographs(star, 1.7)[0].pixel_size == 1.7


def test_names_start_from_the_current_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    star = project(tmp_path / "project", ["Micrographs/a.mrc"])
    elsewhere = tmp_path / "copy.star"
    elsewhere.write_text(star.read_text())
    monkeypatch.chdir(tmp_path / "project")
    for source in (elsewhere, star.relative_to(tmp_path / "project")):
        (micrograph,) = list_micrographs(source)
        assert read_micrograph(micrograph).valid.all()


def test_nothing_to_list(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "a.mrc", tmp_path / "a.star", []):
        with pytest.raises(IceblockError):
            list_micrographs(source, 1.0)
    with pytest.raises(IceblockError, match="pixel size"):
        list_micrographs(tmp_path, -1.0)


# --- what is read ---


@IN_TMP
@given(
    dtype=st.sampled_from(["i1", "i2", "u2", "f2", "f4"]),
    order=st.sampled_from("<>"),
    shape=st.tuples(st.integers(24, 70), st.integers(24, 70)),
)
def test_mrc_modes(tmp_path: Path, dtype: str, order: str, shape: tuple[int, int]) -> None:
    pixels = (ice(shape) - (100 if dtype == "i1" else 0)).astype(dtype)
    path = write_mrc(tmp_path / "a.mrc", pixels, order=order)
    np.testing.assert_array_equal(read(path), pixels)


@pytest.mark.parametrize("name", ["a.st", "a.rec", "a.v1.2", "a"])
def test_mrc_files_of_any_ending(tmp_path: Path, name: str) -> None:
    """RELION reads `a.st:mrc` as MRC; so does a table of micrographs here."""
    write_mrc(tmp_path / name, ice())
    star = tmp_path / "micrographs.star"
    star.write_text(f"data_\n\nloop_\n_rlnMicrographName\n{name}:mrc\n")
    (micrograph,) = list_micrographs(star)
    assert micrograph.name == f"{name}:mrc"
    assert micrograph.pixel_size == 2.0  # the header's
    np.testing.assert_array_equal(read(micrograph.path), ice())
    (tmp_path / name).write_text("no image " * 200)
    with pytest.raises(IceblockError, match=r"a.* is no image that can be read here .*to MRC"):
        list_micrographs(star)


def test_unsigned_bytes(tmp_path: Path) -> None:
    pixels = ice(levels=12).astype(np.uint8) + np.uint8(28)  # about 128, where the sign turns
    path = write_mrc(tmp_path / "a.mrc", pixels.view(np.int8))
    np.testing.assert_array_equal(read(path), pixels)
    # IMOD's mark goes before what the grey values look like.
    data = bytearray(path.read_bytes())
    data[152:160] = struct.pack("<ii", 1146047817, 1)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path), pixels.view(np.int8))
    data[152:160] = struct.pack("<ii", 1146047817, 0)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path), pixels)


@IN_TMP
@given(
    dtype=st.sampled_from(["u1", "i1", "u2", "i2", "u4", "f2", "f4", "f8"]),
    compression=st.sampled_from([None, "zlib"]),
    order=st.sampled_from("<>"),
    suffix=st.sampled_from([".tif", ".TIFF"]),
)
def test_tiff_types(
    tmp_path: Path, dtype: str, compression: str | None, order: str, suffix: str
) -> None:
    pixels = (ice() - (100 if dtype == "i1" else 0)).astype(dtype)
    path = tmp_path / f"a{suffix}"
    tifffile.imwrite(path, pixels, compression=compression, byteorder=order)
    # RELION, IMOD and EMAN2 count rows from the end of a TIFF file.
    np.testing.assert_array_equal(read(path), pixels[::-1].astype(np.float32))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_compressed_tiff(tmp_path: Path, compression: str, dtype: str) -> None:
    pixels = ice().astype(dtype)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), pixels[::-1])


def test_pixel_size_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ice(), resolution=(1e8 / 1.35, 1e8 / 1.35), resolutionunit="CENTIMETER")
    # As exact as old versions of tifffile write it.
    assert list_micrographs(path)[0].pixel_size == pytest.approx(1.35, rel=1e-3)
    tifffile.imwrite(path, ice(), resolution=(72, 72), resolutionunit="INCH")
    with pytest.raises(IceblockError, match="--pixel-size"):
        list_micrographs(path)


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(".png", mode) for mode in ("L", "RGB", "LA", "P", "RGBA", "I;16")]
    + [(suffix, mode) for suffix in (".JPG", ".jpeg") for mode in ("L", "RGB")],
)
def test_pictures(tmp_path: Path, suffix: str, mode: str) -> None:
    grey = ice().astype(np.uint8)
    lossless = suffix == ".png"
    if mode == "I;16":
        picture, expected = Image.fromarray(grey.astype(np.uint16) * 200), grey * 200.0
    else:
        picture, expected = Image.fromarray(grey).convert(mode), grey.astype(float)
    picture.save(tmp_path / f"a{suffix}")
    found = read(tmp_path / f"a{suffix}")
    assert np.abs(found - expected).mean() < (0.01 if lossless else 5)


def test_real_pictures(test_data: Path) -> None:
    folder = test_data / "micrographs"
    pictures = sorted((folder / "micassess_examples").glob("*/*.png"))
    assert len(pictures) == 30
    for path in pictures[::5]:
        assert read(path).shape == (494, 512)
    klh = read(folder / "klh/KLH.tif")
    assert klh.shape == (844, 760)
    np.testing.assert_array_equal(klh[::-1], tifffile.imread(folder / "klh/KLH.tif"))
    (cleaner,) = list_micrographs(folder / "micrograph_cleaner", 1.35)
    assert cleaner.path.name == "Ucsf_stack_1142_DW.mrc"
    assert read(cleaner.path).shape == (927, 959)


def test_movies_are_refused(tmp_path: Path) -> None:
    frames = np.stack([ice(seed=seed) for seed in range(3)])
    write_raw(tmp_path / "a.mrc", frames)
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric="minisblack")
    tifffile.imwrite(tmp_path / "b.tif", frames, imagej=True)
    for name in ("a.mrc", "a.tif", "b.tif"):
        with pytest.raises(IceblockError, match=r"holds 3 images.*motion correction"):
            read(tmp_path / name)


def test_files_that_are_no_images(tmp_path: Path) -> None:
    whole = tmp_path / "whole.tif"
    tifffile.imwrite(whole, ice(), compression="zlib")
    data = {
        "a.mrc": b"x" * 2000,
        "b.mrc": b"",
        "a.tif": b"no tiff",
        "cut.tif": whole.read_bytes()[:-3000],
        "a.png": b"\x89PNG\r\n",
        "a.eer": b"x",
    }
    for name, content in data.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(IceblockError, match=name.replace(".", r"\.")):
            read(tmp_path / name)
    (tmp_path / "dir.mrc").mkdir()
    with pytest.raises(IceblockError, match="is not a file"):
        read(tmp_path / "dir.mrc")
