"""PSNR and SSIM in four variants, against scikit-image and against what an empty image scores."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from core.compare.image_quality import VARIANTS, psnr, ssim
from core.errors import IceblockError

BOX = 24
SSIM = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def scene(seed: int, n: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy images, round particles, and their masks."""
    d = torch.arange(BOX) - BOX // 2
    r = (d[:, None].square() + d.square()).sqrt()
    noise = torch.randn(n, BOX, BOX, generator=torch.Generator().manual_seed(seed))
    radii = 4.0 + torch.arange(n)[:, None, None]
    truth = torch.exp(-((r / radii) ** 2)) * (1 + 0.3 * torch.cos(r))
    return truth + 0.3 * noise, truth, r < radii + 2


def matched(image: np.ndarray, truth: np.ndarray, mask: np.ndarray, variant: str) -> np.ndarray:
    """Image and truth as a variant compares them, from numpy's own least squares."""
    if variant == "paper":
        return np.stack([np.rint(255 * (x - x.min()) / np.ptp(x)) for x in (image, truth)])
    if variant == "box":
        return np.stack([(x - x.mean()) / x.std() for x in (image, truth)])
    inside = mask if variant == "masked" else np.ones_like(mask)
    return np.stack([np.polyval(np.polyfit(image[inside], truth[inside], 1), image), truth])


@pytest.mark.parametrize("variant", VARIANTS)
def test_scikit_image_agrees(variant: str) -> None:
    images, truth, mask = scene(1)
    peaks, likenesses = psnr(images, truth, mask, variant), ssim(images, truth, mask, variant)
    for k in range(2):
        inside = mask[k].numpy()
        seen, true = matched(images[k].double().numpy(), truth[k].double().numpy(), inside, variant)
        part = inside if variant == "masked" else np.ones_like(inside)
        span = 255.0 if variant == "paper" else float(np.ptp(true[part]))
        expected = peak_signal_noise_ratio(true[part], seen[part], data_range=span)
        assert peaks[k].item() == pytest.approx(expected, abs=1e-4)
        _, local = structural_similarity(true, seen, data_range=span, full=True, **SSIM)
        expected = structural_similarity(true, seen, data_range=span, **SSIM)
        expected = local[inside].mean() if variant == "masked" else expected
        assert likenesses[k].item() == pytest.approx(expected, abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(
    gain=st.floats(0.01, 100), offset=st.floats(-5, 5), variant=st.sampled_from(VARIANTS),
    seed=st.integers(0, 50),
)  # fmt: skip
def test_gain_and_offset_do_not_count(gain: float, offset: float, variant: str, seed: int) -> None:
    images, truth, mask = (x.double() if x.is_floating_point() else x for x in scene(seed))
    plain = psnr(images, truth, mask, variant)
    # In 8 bits a grey value may round the other way.
    atol = 0.02 if variant == "paper" else 1e-5
    torch.testing.assert_close(
        psnr(gain * (images + offset), truth, mask, variant), plain, rtol=0, atol=atol
    )


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 50), part=st.floats(0.1, 0.9), variant=st.sampled_from(VARIANTS[1:]))
def test_less_noise_is_better(seed: int, part: float, variant: str) -> None:
    images, truth, mask = scene(seed)
    better = truth + part * (images - truth)
    assert (psnr(better, truth, mask, variant) > psnr(images, truth, mask, variant)).all()


def test_equal_images() -> None:
    _, truth, mask = scene(2)
    for variant in VARIANTS:
        assert (psnr(truth, truth, mask, variant) > 100).all()
        torch.testing.assert_close(
            ssim(truth, truth, mask, variant), torch.ones(2).double(), rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("value", [0.0, 7.3, -1e4])
def test_a_constant_image_scores_what_its_best_fit_does(value: float) -> None:
    """An all-zero image has a respectable PSNR: the reason why the rows stand in every table."""
    _, truth, mask = scene(3)
    flat = torch.full_like(truth, value)
    span = truth.amax(dim=(1, 2)) - truth.amin(dim=(1, 2))
    expected = 20 * torch.log10(span / truth.std(dim=(1, 2), correction=0))
    for variant in ("affine", "box"):
        torch.testing.assert_close(
            psnr(flat, truth, mask, variant), expected.double(), rtol=0, atol=1e-3
        )
    zero = psnr(torch.zeros_like(truth), truth, mask, "paper")
    torch.testing.assert_close(psnr(flat, truth, mask, "paper"), zero)
    assert ssim(flat, truth, mask, "affine").isfinite().all()


def test_only_the_mask_counts_for_masked() -> None:
    images, truth, mask = scene(4)
    spoilt = torch.where(mask, images, 30 * images)
    torch.testing.assert_close(
        psnr(spoilt, truth, mask, "masked"), psnr(images, truth, mask, "masked")
    )
    assert (psnr(spoilt, truth, mask, "affine") < psnr(images, truth, mask, "affine")).all()


def test_a_constant_truth_has_no_range() -> None:
    images, truth, mask = scene(5)
    for variant in VARIANTS:
        assert psnr(images, torch.ones_like(truth), mask, variant).isnan().all()
        assert ssim(images, torch.ones_like(truth), mask, variant).isnan().all()
    assert psnr(images, truth, torch.zeros_like(mask), "masked").isnan().all()


def test_unknown_variant_and_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    images, truth, mask = scene(6)
    with pytest.raises(ValueError, match="none of paper, affine, masked, box"):
        psnr(images, truth, mask, "best")
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(IceblockError, match=r"scikit-image.*pip install 'iceblock\[evaluate\]'"):
        ssim(images, truth, mask, "box")
