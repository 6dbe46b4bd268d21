import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.compute.device import choose_device
from core.denoise.inference import Denoiser
from core.denoise.model_file import Model
from core.denoise.views import working_box
from core.errors import IceblockError

CPU = torch.device("cpu")


def images(n: int, box: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, box, box)).astype(np.float32)


@given(box=st.integers(32, 1000), pixel_size=st.floats(0.3, 12.0))
def test_working_box_is_near_the_working_pixel_size(box: int, pixel_size: float) -> None:
    small = working_box(box, pixel_size, 4.0)
    assert 32 <= small <= box
    seen = pixel_size * box / small
    if small < box:  # cropped: within the rounding to a multiple of 4, or 5 %
        assert small % 4 == 0
        assert seen >= 3.9999 or small == 32
        assert seen <= max(4.2001, 4.0 * (small + 4) / small)
    else:
        assert seen == pytest.approx(pixel_size)


@pytest.mark.parametrize("box", [32, 33, 47, 64, 101])
@pytest.mark.parametrize("pixel_size", [1.1, 4.0, 6.0])
def test_any_box_and_pixel_size(tiny_model: Model, box: int, pixel_size: float) -> None:
    denoised, unusable = Denoiser(tiny_model, CPU)(images(3, box), pixel_size)
    assert denoised.shape == (3, box, box)
    assert denoised.dtype == np.float32
    assert np.isfinite(denoised).all()
    assert not unusable.any()


def test_scale_and_offset_of_the_input_do_not_matter(tiny_model: Model) -> None:
    denoiser = Denoiser(tiny_model, CPU)
    raw = images(2, 64)
    one, _ = denoiser(raw, 4.0)
    other, _ = denoiser(raw * 250 + 30, 4.0)
    np.testing.assert_allclose(one, other, atol=0.02 * np.abs(one).max())


def test_black_particles_give_the_negative_of_white_ones(tiny_model: Model) -> None:
    denoiser = Denoiser(tiny_model, CPU)
    raw = images(2, 64)
    white, _ = denoiser(raw, 4.0, contrast=1)
    black, _ = denoiser(-raw, 4.0, contrast=-1)
    np.testing.assert_array_equal(white, -black)


def test_same_input_same_bytes(tiny_model: Model) -> None:
    denoiser = Denoiser(tiny_model, CPU)
    assert denoiser(images(5, 48), 2.0)[0].tobytes() == denoiser(images(5, 48), 2.0)[0].tobytes()


def test_keep_noise_goes_from_denoised_to_raw(tiny_model: Model) -> None:
    raw = images(2, 64)
    none, _ = Denoiser(tiny_model, CPU, 0.0)(raw, 4.0)
    half, _ = Denoiser(tiny_model, CPU, 0.5)(raw, 4.0)
    whole, _ = Denoiser(tiny_model, CPU, 1.0)(raw, 4.0)
    np.testing.assert_allclose(half, (none + whole) / 2, atol=1e-5)
    correlation = np.corrcoef(whole.ravel(), raw.ravel())[0, 1]
    assert correlation > 0.999


@pytest.mark.parametrize("amount", [-0.1, 1.5, float("nan")])
def test_keep_noise_outside_its_range(tiny_model: Model, amount: float) -> None:
    with pytest.raises(IceblockError, match="between 0 and 1"):
        Denoiser(tiny_model, CPU, amount)


@pytest.mark.parametrize("bad", ["nan", "inf", "constant", "zero", "huge", "empty ring"])
def test_images_that_cannot_be_denoised_pass_through(tiny_model: Model, bad: str) -> None:
    raw = images(3, 48)
    good, _ = Denoiser(tiny_model, CPU)(raw, 4.0)
    if bad == "nan":
        raw[1, 20, 20] = np.nan
    elif bad == "inf":
        raw[1, 0, 0] = np.inf
    elif bad == "empty ring":
        raw[1] = 0
        raw[1, 24, 24] = 1
    else:
        raw[1] = {"constant": 0.1, "zero": 0.0, "huge": 3e38}[bad]
    denoised, unusable = Denoiser(tiny_model, CPU)(raw, 4.0)
    assert unusable.tolist() == [False, True, False]
    np.testing.assert_array_equal(denoised[1], raw[1])
    np.testing.assert_array_equal(denoised[[0, 2]], good[[0, 2]])


def test_nothing_beyond_the_working_resolution_is_kept(tiny_model: Model) -> None:
    denoised, _ = Denoiser(tiny_model, CPU)(images(1, 128), 1.0)
    power = np.abs(np.fft.rfft2(denoised[0])) ** 2
    fy, fx = np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(128)[None]
    beyond = np.maximum(np.abs(fy), np.abs(fx)) > 1 / 8
    assert power[beyond].sum() < 1e-6 * power.sum()


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "mps", "cuda:x"])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(IceblockError):
        choose_device(name)


def test_auto_finds_a_device() -> None:
    assert choose_device("auto").type in ("cpu", "cuda")


@pytest.mark.parametrize(("box", "pixel_size", "n"), [(64, 4.0, 9), (100, 3.1, 7), (700, 4.0, 2)])
def test_bytes_do_not_depend_on_the_number_of_threads(
    tiny_model: Model, box: int, pixel_size: float, n: int
) -> None:
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            denoised, _ = Denoiser(tiny_model, CPU)(images(n, box), pixel_size)
            assert torch.get_num_threads() == threads
            results.append(denoised.tobytes())
    finally:
        torch.set_num_threads(before)
    assert len(set(results)) == 1
