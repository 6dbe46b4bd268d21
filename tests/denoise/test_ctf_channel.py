"""A network that reads CTFs: what it is given, what its answer comes to, and who tells it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.widening import widened
from core.compute.distributed import ALONE
from core.denoise.ctf_channel import (
    ctf_factor,
    filtered,
    joined_channels,
    with_ctf_channel,
)
from core.denoise.generator import Generator
from core.denoise.inference import Denoiser
from core.denoise.model_file import Model, load_model, save_model
from core.denoise.training.batches import UNTOLD, draw_batch
from core.denoise.training.held_out import draw_held_out
from core.errors import IceblockError
from core.signal.ctf import CtfParameters, ctf_images, random_ctf

from .tiny_network import CARD, TINY
from .tiny_training import CONFIG, make, tiny_pairs

READS = replace(TINY, reads_ctf=True)
CPU = torch.device("cpu")


def optics(n: int, seed: int = 0) -> CtfParameters:
    return random_ctf(np.random.default_rng(seed), n)


def noise(n: int, box: int) -> np.ndarray:
    return np.random.default_rng(box).standard_normal((n, box, box)).astype(np.float32)


@pytest.fixture
def reader(tmp_path: Path) -> Model:
    """A network of random weights that reads CTFs."""
    torch.manual_seed(0)
    path = tmp_path / "reader.safetensors"
    save_model(path, Generator(READS), CARD)
    return load_model(path)


def test_each_image_has_the_ctf_of_its_own_pixel_size() -> None:
    ctf, sizes = optics(3), np.array([3.7, 4.4, 5.5])
    factor = ctf_factor(ctf, sizes, 48)
    for k, size in enumerate(sizes):
        alone = ctf_images(ctf.take(np.array([k])), size, 48)[0]
        assert (factor[k] - alone).abs().max() < 2e-3  # phases of many turns, in float32


def test_the_channel_has_one_sign_where_the_particle_has_two() -> None:
    ctf = optics(2)
    factor = ctf_factor(ctf, 4.0, 64)
    point = torch.zeros(2, 64, 64)
    point[:, 32, 32] = 1
    seen = with_ctf_channel(filtered(point, factor), factor)
    spectrum = torch.fft.rfft2(torch.fft.ifftshift(seen, dim=(-2, -1))).real
    assert spectrum[:, 0].min() < -0.5
    assert spectrum[:, 1].min() > -1e-4


def test_unknown_ctfs_say_nothing(reader: Model) -> None:
    ctf, raw = optics(4), noise(4, 64)
    nobody = CtfParameters(**{k: np.full(4, np.nan) for k in vars(ctf)})
    assert not ctf_factor(nobody, 4.0, 64).any()
    denoiser = Denoiser(reader, CPU)
    told, untold, without = (denoiser(raw, 4.0, ctf=c)[0] for c in (ctf, nobody, None))
    np.testing.assert_array_equal(untold, without)
    assert np.abs(told - untold).max() > 1e-3
    half = replace(ctf, defocus_u=np.where(np.arange(4) < 2, ctf.defocus_u, np.nan))
    mixed = denoiser(raw, 4.0, ctf=half)[0]
    np.testing.assert_allclose(mixed[:2], told[:2], atol=1e-5)
    np.testing.assert_allclose(mixed[2:], untold[2:], atol=1e-5)


def test_a_widened_network_answers_as_before(tiny_model: Model, tmp_path: Path) -> None:
    network = Generator(READS)
    network.load_state_dict(widened(tiny_model.generator, READS))
    save_model(tmp_path / "wide.safetensors", network, CARD)
    wide = load_model(tmp_path / "wide.safetensors")
    assert wide.generator.config.reads_ctf
    raw = noise(3, 60)
    before, _ = Denoiser(tiny_model, CPU)(raw, 3.1)
    after, _ = Denoiser(wide, CPU)(raw, 3.1, ctf=optics(3))
    np.testing.assert_allclose(after, before, atol=1e-6 * np.abs(before).max())
    same = widened(tiny_model.generator, TINY)
    assert all(torch.equal(v, same[k]) for k, v in tiny_model.generator.state_dict().items())


def test_the_answer_turns_with_the_image_and_its_astigmatism(reader: Model) -> None:
    """A quarter turn exchanges the axes of the defocus: the angle is turned with the image."""
    raw, ctf = noise(2, 49), optics(2)  # an odd box turns about its centre
    strong = replace(ctf, defocus_u=ctf.defocus_v + 3000)
    turned = replace(strong, defocus_angle=strong.defocus_angle - 90)
    factor, other = (ctf_factor(c, 4.0, 49) for c in (strong, turned))
    one = torch.rot90(filtered(torch.from_numpy(raw), factor), 1, (-2, -1))
    two = filtered(torch.rot90(torch.from_numpy(raw), 1, (-2, -1)), other)
    assert (one - two).abs().max() < 1e-2 * one.abs().max()
    answer = Denoiser(reader, CPU).answer(raw, 4.0, ctf=strong, confidence=True)
    plain, _ = Denoiser(reader, CPU)(raw, 4.0, ctf=strong)
    np.testing.assert_array_equal(answer.denoised, plain)
    assert np.isfinite(answer.confidence).all()


def test_training_tells_most_images_their_ctf() -> None:
    pairs = tiny_pairs()
    config = replace(CONFIG, batch=256)
    batch = draw_batch(pairs, config, 0, ALONE, reads_ctf=True)
    plain = draw_batch(pairs, config, 0, ALONE)
    assert torch.equal(batch.noisy[:, :1], plain.noisy)  # the pairs are the same
    assert batch.factor is not None
    told = batch.factor.flatten(1).any(dim=1)
    assert 0 < float((~told).float().mean()) < 3 * UNTOLD
    assert torch.equal(batch.noisy[~told, 1], torch.zeros_like(batch.noisy[~told, 1]))
    output = torch.stack([batch.clean, torch.zeros_like(batch.clean)], dim=1)
    assert torch.equal(batch.answer(output)[:, 0], batch.clean)
    with_second = joined_channels(output.flip(1), batch.factor)
    assert (with_second - filtered(batch.clean, batch.factor)).abs().max() < 1e-5


def test_it_learns_to_use_the_second_channel(tmp_path: Path) -> None:
    pairs = tiny_pairs()
    plain = Generator(TINY)
    trainer = make(pairs, tmp_path, network=READS, start=widened(plain, READS), steps=6)
    held_out = draw_held_out({0.5: pairs}, 32, 4, seed=1)
    before = held_out.denoised(trainer.average, bf16=False)[0.5]
    after = held_out.denoised(trainer.run(), bf16=False)[0.5]
    assert after.shape == before.shape == (4, 32, 32)
    weights = trainer.learner.generator.state_dict()
    assert weights["out.weight"][4:].any()  # of a stem that unshuffles by 2
    assert weights["down.0.0.weight"][:, 4:].any()


def test_it_cannot_add_its_input_to_its_output() -> None:
    with pytest.raises(IceblockError):
        replace(TINY, reads_ctf=True, input_skip=True)
