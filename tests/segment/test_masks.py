"""Masks of pollution in any format and binning."""

from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from core.errors import IceblockError
from core.images.micrographs.reader import Micrograph, list_micrographs
from core.segment.masks import find_masks, fit_mask, read_mask

IN_TMP = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def save_mrc(path: Path, values: npt.NDArray[np.generic]) -> Path:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(values)
    return path


@IN_TMP
@given(mask=masks, dtype=st.sampled_from(["i1", "i2", "u2", "f2", "f4"]), value=st.integers(1, 100))
def test_mrc_masks(tmp_path: Path, mask: npt.NDArray[np.bool_], dtype: str, value: int) -> None:
    path = save_mrc(tmp_path / "a.mrc", (mask * value).astype(dtype))
    np.testing.assert_array_equal(read_mask(path), mask)


@IN_TMP
@given(mask=masks, dtype=st.sampled_from(["u1", "u2", "f4", "bool"]), value=st.integers(1, 255))
def test_tiff_masks(tmp_path: Path, mask: npt.NDArray[np.bool_], dtype: str, value: int) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (mask * value).astype(dtype), photometric="minisblack")
    np.testing.assert_array_equal(read_mask(path), mask)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16", "RGBA"])
def test_png_masks(tmp_path: Path, mode: str) -> None:
    mask = np.zeros((30, 40), dtype=bool)
    mask[5:9, 7:20] = True
    if mode == "P":
        picture = Image.fromarray(mask.astype(np.uint8) * 3).convert("P")
    elif mode == "I;16":
        picture = Image.fromarray(mask.astype(np.uint16) * 1000)
    elif mode == "RGBA":  # red paint on a transparent layer that is white
        layer = np.full((30, 40, 4), 255, dtype=np.uint8)
        layer[mask, 1:3] = 0
        layer[..., 3] = mask * 200
        picture = Image.fromarray(layer)
    else:
        picture = Image.fromarray(mask.astype(np.uint8) * 255).convert(mode)
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), mask)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, False), (1.0, True), (255.0, True), (0.3, False), (0.7, True)],
)
def test_constant_masks(tmp_path: Path, value: float, expected: bool) -> None:
    path = save_mrc(tmp_path / "a.mrc", np.full((20, 30), value, dtype=np.float32))
    assert (read_mask(path) == expected).all()


@pytest.mark.parametrize("ending", [".map", ".rec", ".msk", ""])
def test_an_mrc_mask_may_end_in_anything(tmp_path: Path, ending: str) -> None:
    mask = np.zeros((6, 8), np.int16)
    mask[2:4, 1:5] = 1
    save_mrc(tmp_path / "a.mrc", mask).rename(tmp_path / f"mic1_mask{ending}")
    (tmp_path / "mic1.star").write_text("data_\n")
    (tmp_path / "mic1.log").write_text("x" * 2000)
    listed = [Micrograph("mic1.tif", Path("Micrographs/mic1.tif"), 1.0)]
    found = find_masks(tmp_path, listed)["mic1.tif"]
    np.testing.assert_array_equal(read_mask(found, listed[0].path), mask != 0)


def test_what_is_no_image_is_no_mask(tmp_path: Path) -> None:
    (tmp_path / "mic1_mask.dat").write_bytes(bytes(4000))
    with pytest.raises(IceblockError, match="is no image that can be read here"):
        read_mask(tmp_path / "mic1_mask.dat")
    with pytest.raises(IceblockError, match="holds no mask of any of the 1 micrographs"):
        find_masks(tmp_path, [Micrograph("mic1.mrc", Path("Micrographs/mic1.mrc"), 1.0)])


def test_what_is_no_number_is_not_masked(tmp_path: Path) -> None:
    values = np.zeros((20, 30), dtype=np.float32)
    values[3, 4], values[5, 6] = np.nan, 1
    tifffile.imwrite(tmp_path / "a.tif", values)
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif"), values == 1)


def test_fractions_are_cut_at_half_their_scale(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 101, dtype=np.float32)[None].repeat(4, axis=0)
    for scale in (1.0, 255.0):
        found = read_mask(save_mrc(tmp_path / "a.mrc", ramp * np.float32(scale)))
        np.testing.assert_array_equal(found, ramp > 0.5)


def test_real_mask(test_data: Path) -> None:
    folder = test_data / "micrographs/micrograph_cleaner"
    listed = list_micrographs(folder, 1.35)
    found = find_masks(folder, listed)
    assert {name: path.name for name, path in found.items()} == {
        listed[0].name: "Ucsf_stack_1142_DW_mask.mrc"
    }
    mask = read_mask(found[listed[0].name])
    np.testing.assert_array_equal(mask, mrcfile.read(found[listed[0].name]) > 0.5)
    assert mask.shape == (927, 959)
    share = mask.mean()
    for shape in ((232, 240), (116, 120), (1854, 1918), (600, 620)):
        assert fit_mask(mask, shape).mean() == pytest.approx(share, abs=0.01)


def test_masks_of_tiff_micrographs_are_turned_with_them(tmp_path: Path) -> None:
    mask = np.zeros((30, 40), dtype=bool)
    mask[2:9, 7:20] = True
    Image.fromarray(mask).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", mask.astype(np.uint8))
    save_mrc(tmp_path / "a.mrc", mask.astype(np.int8))
    for name in ("a.png", "a.tif", "a.mrc"):
        for micrograph in (None, Path("m.mrc"), Path("m.png")):
            np.testing.assert_array_equal(read_mask(tmp_path / name, micrograph), mask)
    for name in ("a.png", "a.tif"):
        np.testing.assert_array_equal(read_mask(tmp_path / name, Path("m.TIF")), mask[::-1])
    np.testing.assert_array_equal(read_mask(tmp_path / "a.mrc", Path("m.tif")), mask)


def touch(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def test_masks_are_found_by_name(tmp_path: Path) -> None:
    names = ["a.mrc", "x/b.tif", "c_1.mrc", "d.mrc", "e.mrc"]
    listed = [Micrograph(name, tmp_path / name, 1.0) for name in names]
    for name in ("a_mask.png", "B-mask.TIF", "c_1.mrc", "d_pollution.mrc", "c_mask.png"):
        touch(tmp_path / name)
    touch(tmp_path / "c_1_Mask.mrc")  # c_1.mrc itself is the micrograph
    touch(tmp_path / "e.txt")
    found = {name: path.name for name, path in find_masks(tmp_path, listed).items()}
    assert found == {
        "a.mrc": "a_mask.png",
        "x/b.tif": "B-mask.TIF",
        "c_1.mrc": "c_1_Mask.mrc",
        "d.mrc": "d_pollution.mrc",
    }
    touch(tmp_path / "a.tif")
    with pytest.raises(IceblockError, match="masks of one micrograph"):
        find_masks(tmp_path, listed)


def test_folders_without_masks(tmp_path: Path) -> None:
    listed = [Micrograph("a.mrc", touch(tmp_path / "a.mrc"), 1.0)]
    with pytest.raises(IceblockError, match=r"holds no mask of any of the 1 .* a_mask\.mrc"):
        find_masks(tmp_path, listed)
    with pytest.raises(IceblockError, match="is not a folder"):
        find_masks(tmp_path / "none", listed)


def test_files_that_are_no_masks(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.txt", "none.png", "none.mrc"):
        with pytest.raises(IceblockError):
            read_mask(tmp_path / name)
    save_mrc(tmp_path / "two.mrc", np.zeros((2, 8, 8), dtype=np.int8))
    with pytest.raises(IceblockError, match="holds 2 images"):
        read_mask(tmp_path / "two.mrc")


@settings(deadline=None, max_examples=100)
@given(mask=masks, factors=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_finer_grids_and_back(mask: npt.NDArray[np.bool_], factors: tuple[int, int]) -> None:
    factor = factors[0]
    fine = fit_mask(mask, (mask.shape[0] * factor, mask.shape[1] * factor))
    np.testing.assert_array_equal(fine, mask.repeat(factor, 0).repeat(factor, 1))
    np.testing.assert_array_equal(fit_mask(fine, mask.shape), mask)


@example(mask=np.array([[True, True], [False, False]]), shape=(1, 1))
@example(mask=np.tri(12, 12, dtype=bool), shape=(5, 5))
@settings(deadline=None, max_examples=100)
@given(
    mask=masks,
    shape=st.tuples(st.integers(1, 24), st.integers(1, 24)),
)
def test_coarser_grids_hold_at_least_half(
    mask: npt.NDArray[np.bool_], shape: tuple[int, int]
) -> None:
    # The naive way: repeat pixels up to a common multiple, then average.
    target = (min(shape[0], mask.shape[0]), min(shape[1], mask.shape[1]))
    common = mask.repeat(target[0], 0).repeat(target[1], 1)
    parts = common.reshape(target[0], mask.shape[0], target[1], mask.shape[1])
    expected = 2 * parts.sum(axis=(1, 3)) >= mask.size
    ratio = mask.shape[0] * target[1] / (mask.shape[1] * target[0])
    if max(ratio, 1 / ratio) > 1.05 + 1 / min(target) + 1 / min(mask.shape):
        with pytest.raises(IceblockError, match="proportions"):
            fit_mask(mask, target)
    else:
        np.testing.assert_array_equal(fit_mask(mask, target), expected)


def test_proportions_must_agree() -> None:
    with pytest.raises(IceblockError, match="a mask of 400 x 100 pixels does not cover"):
        fit_mask(np.zeros((100, 400), dtype=bool), (400, 100))
    for shape in ((1855, 1919), (93, 97), (58, 60), (12, 12)):
        assert fit_mask(np.ones((927, 959), dtype=bool), shape).all()
    assert not fit_mask(np.zeros((927, 959), dtype=bool), (58, 60)).any()
