import numpy as np
import pytest

from core.denoise.contrast import radial_profiles, sign_of_contrast


def particles(sign: float, shape: str, n: int = 100, box: int = 48) -> np.ndarray:
    d = np.arange(box) - box // 2
    r = np.hypot(d[:, None], d)
    blob = np.exp(-(r**2) / 50)
    hollow = np.exp(-((r - 11) ** 2) / 8) - 0.3 * np.exp(-(r**2) / 20)
    signal = sign * (blob if shape == "blob" else hollow)
    noise = np.random.default_rng(1).standard_normal((n, box, box))
    return (0.5 * signal + noise).astype(np.float32)


@pytest.mark.parametrize("shape", ["blob", "hollow"])
def test_contrast_is_told(shape: str) -> None:
    assert sign_of_contrast(radial_profiles(particles(1, shape))) == 1
    assert sign_of_contrast(radial_profiles(particles(-1, shape))) == -1


def test_pure_noise_and_empty_samples_count_as_white() -> None:
    assert sign_of_contrast(radial_profiles(particles(0, "blob"))) == 1
    assert sign_of_contrast(radial_profiles(np.zeros((4, 32, 32), np.float32))) == 1
