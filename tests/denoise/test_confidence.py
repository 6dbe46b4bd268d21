"""Agreement between turned views, its outline, its calibration, and the denoiser that uses it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.denoise.confidence import TABLE, VIEWS, agreement, calibrated, outline, turned
from core.denoise.estimators.estimator import Seen
from core.denoise.estimators.network import Network
from core.denoise.inference import Denoiser
from core.denoise.model_file import Model
from core.denoise.set_learning import learn_set
from core.signal.agreement import masked_correlation

BOX, PIXEL = 40, 4.0


def blobs(n: int, seed: int = 0, noise: float = 0.0) -> torch.Tensor:
    """Off-centre particles that no turn leaves as they are."""
    d = torch.arange(BOX) - BOX // 2
    y, x = d[:, None], d[None]
    shape = torch.exp(-((y - 3) ** 2 / 60 + (x + 2) ** 2 / 20)) * (1 + 0.5 * torch.sin(0.8 * x + y))
    random = torch.Generator().manual_seed(seed)
    return shape + noise * torch.randn(n, BOX, BOX, generator=random)


@given(view=st.integers(-4, 4))
def test_a_turn_and_back_changes_nothing(view: int) -> None:
    images = blobs(2, noise=1)
    assert torch.equal(turned(turned(images, view), -view), images)
    assert torch.equal(turned(images, view), turned(images, view - 4))


def test_equal_answers_agree_and_unrelated_ones_do_not() -> None:
    same = agreement([blobs(5)] * VIEWS, PIXEL)
    torch.testing.assert_close(same, torch.ones(5))
    noise = [
        torch.randn(64, BOX, BOX, generator=torch.Generator().manual_seed(k)) for k in range(4)
    ]
    assert abs(float(agreement(noise, PIXEL).mean())) < 0.02
    assert not agreement([torch.zeros(2, BOX, BOX)] * 3, PIXEL).any()


def test_it_is_the_mean_correlation_over_pairs() -> None:
    views = [blobs(3, seed, noise=0.5) for seed in range(3)]
    mask = outline(torch.stack(views).mean(0), PIXEL)
    pairs = [masked_correlation(views[i], views[j], mask) for i, j in ((0, 1), (0, 2), (1, 2))]
    torch.testing.assert_close(agreement(views, PIXEL), torch.stack(pairs).mean(0))


@settings(deadline=None, max_examples=20)
@given(scale=st.floats(1e-3, 1e3), offset=st.floats(-1, 1))
def test_scale_does_not_matter(scale: float, offset: float) -> None:
    views = [blobs(2, seed, noise=0.3) for seed in range(3)]
    torch.testing.assert_close(
        agreement([scale * view for view in views], PIXEL), agreement(views, PIXEL),
        rtol=1e-3, atol=1e-4,
    )  # fmt: skip


def test_the_outline_is_where_the_particle_is() -> None:
    mask = outline(blobs(1), PIXEL)[0]
    assert mask[BOX // 2 + 3, BOX // 2 - 2]
    assert not mask[:4].any()
    assert not mask[:, -4:].any()
    assert 0.05 < float(mask.float().mean()) < 0.5


def test_the_table_rises_from_0_to_1() -> None:
    known, expected = np.array(TABLE).T
    assert (np.diff(known) > 0).all()
    assert (np.diff(expected) >= 0).all()
    assert 0 <= expected[0] <= expected[-1] <= 1


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=20))
def test_calibration_keeps_the_order_and_the_range(values: list[float]) -> None:
    found = calibrated(np.array(sorted(values), dtype=np.float32))
    assert found.dtype == np.float32
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert calibrated(np.array([np.nan], dtype=np.float32))[0] == calibrated(np.zeros(1, "f4"))[0]


@pytest.mark.parametrize(("box", "contrast"), [(32, 1), (48, -1), (33, 1)])
def test_denoised_images_are_those_of_a_plain_call(
    tiny_model: Model, box: int, contrast: int
) -> None:
    denoiser = Denoiser(tiny_model, torch.device("cpu"))
    images = np.random.default_rng(0).standard_normal((7, box, box)).astype(np.float32)
    images[3] = 2.5
    plain, unusable = denoiser(images, PIXEL, contrast)
    answer = denoiser.answer(images, PIXEL, contrast, confidence=True)
    denoised, also, confidence = answer.denoised, answer.unusable, answer.confidence
    np.testing.assert_array_equal(denoised, plain)
    np.testing.assert_array_equal(also, unusable)
    assert confidence.shape == (7,)
    assert confidence[3] == 0
    assert ((confidence >= 0) & (confidence <= 1)).all()
    alone = denoiser.answer(images[4:6], PIXEL, contrast, confidence=True).confidence
    np.testing.assert_array_equal(alone, confidence[4:6])


def test_a_network_that_sees_no_direction_agrees_with_itself(tiny_model: Model) -> None:
    class Isotropic(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(images, 3, 1, 1)

    denoiser = Denoiser(tiny_model, torch.device("cpu"))
    denoiser.calibration = ((0.0, 0.0), (1.0, 1.0))
    images = blobs(4, noise=0.3).numpy()
    before = denoiser.answer(images, PIXEL, confidence=True).confidence
    denoiser.network = Network(Isotropic(), torch.device("cpu"))
    assert denoiser.answer(images, PIXEL, confidence=True).confidence.min() > 0.99
    assert before.max() < 0.99


def test_a_set_tells_the_confidence_of_its_results_without_further_passes(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, size = np.random.default_rng(0), 32
    y, x = np.mgrid[:size, :size] - size // 2
    blob = 2 * np.exp(-(y**2 + x**2) / 40)
    images = (rng.standard_normal((120, size, size)) + blob).astype(np.float32)
    alone = Denoiser(tiny_model, torch.device("cpu"))
    denoiser = Denoiser(tiny_model, alone.device, sets=learn_set(alone, images, PIXEL, None))
    views: list[int] = []
    ask = denoiser.network.answers

    def counted(seen: Seen, count: int) -> list[torch.Tensor]:
        views.append(count)
        return ask(seen, count)

    monkeypatch.setattr(denoiser.network, "answers", counted)
    images[3] = 2.5
    images[4] -= blob
    answer = denoiser.answer(images[:12], PIXEL, confidence=True)
    np.testing.assert_array_equal(answer.denoised, denoiser(images[:12], PIXEL)[0])
    assert set(views) == {1}
    assert answer.confidence[3] == 0
    assert ((answer.confidence >= 0) & (answer.confidence <= 1)).all()
    assert answer.confidence[4] < np.median(answer.confidence)
    again = denoiser.answer(images[5:7], PIXEL, confidence=True).confidence
    np.testing.assert_array_equal(again, answer.confidence[5:7])
