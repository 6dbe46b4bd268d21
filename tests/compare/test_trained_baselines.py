"""DnCNN and the unsupervised GAN, trained by the trainer that trains ours."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.compare.networks import (
    DNCNN,
    OURS,
    RIVALS,
    UNSUPERVISED_GAN,
    DnCNN,
    DnCNNConfig,
    Recipe,
    train,
)
from core.compute.distributed import ALONE
from core.denoise.generator import GeneratorConfig
from core.denoise.paper.adversary import Adversary
from core.denoise.paper.discriminator import DiscriminatorConfig
from core.denoise.paper.objective import Objective
from core.denoise.training.batches import Batch
from core.denoise.training.config import TrainingConfig
from core.denoise.training.watcher import Watcher
from core.errors import IceblockError
from core.noise.source import SpectrumNoise
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

BOX = 32
SMALL = replace(DNCNN, network=DnCNNConfig(depth=4, width=8))
SMALL_GAN = replace(
    UNSUPERVISED_GAN,
    network=GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3),
    loss=replace(
        UNSUPERVISED_GAN.loss,
        discriminator=DiscriminatorConfig(widths=(4, 4, 8, 8), conditional=False),
    ),
)


@pytest.fixture(scope="module")
def pairs() -> PairGenerator:
    volume = VolumeTransform(phantom(0, 6.0, diameter=(90, 110)))
    settings = PairSettings(snr_range=(0.5, 1.0), group=4, neighbour_rate=0.0)
    return PairGenerator([volume], SpectrumNoise(torch.ones(1, 17)), settings)


def config(recipe: Recipe, steps: int) -> TrainingConfig:
    return replace(recipe.config(steps, BOX, seed=0, bf16=False), batch=4, warmup=2)


def test_dncnn_is_the_network_of_its_paper() -> None:
    network = DnCNN(DnCNNConfig())
    count = sum(p.numel() for p in network.parameters())
    assert count == 2 * 9 * 64 + 64 + 15 * (9 * 64 * 64 + 2 * 64)
    image = torch.zeros(1, 1, 48, 48, requires_grad=True)
    network.eval()(image)[0, 0, 24, 24].backward()
    assert image.grad is not None
    reached = image.grad[0, 0].nonzero()
    assert (reached.amax(0) - reached.amin(0) + 1).tolist() == [35, 35]


def test_dncnn_takes_off_what_it_predicts() -> None:
    network = DnCNN(DnCNNConfig(depth=3, width=4)).eval()
    image = torch.randn(2, 1, 33, 20)
    torch.testing.assert_close(network(image), image - network.noise(image))
    with pytest.raises(IceblockError, match="depth"):
        DnCNNConfig(depth=2)


def test_dncnn_learns(pairs: PairGenerator, tmp_path: Path) -> None:
    held_out = pairs.draw(16, BOX, np.random.default_rng(9), torch.Generator().manual_seed(9))

    def error(network: torch.nn.Module) -> float:
        with torch.no_grad():
            apart = network(held_out.noisy[:, None])[:, 0] - held_out.clean
        return float(apart.square().mean())

    settings = replace(config(SMALL, 40), learning_rate=1e-2, ema=0.8)
    trained = train(SMALL, pairs, settings, tmp_path)
    assert not trained.network.training
    assert error(trained.network) < 0.5 * float((held_out.noisy - held_out.clean).square().mean())
    assert trained.images == 40 * settings.images(BOX, 4)


@pytest.mark.parametrize("recipe", [SMALL, SMALL_GAN], ids=lambda r: r.name)
def test_a_stopped_training_goes_on_to_the_same_weights(
    recipe: Recipe, pairs: PairGenerator, tmp_path: Path
) -> None:
    class StopAt(Watcher):
        def step(self, step: int) -> None:
            if step == 3:
                raise KeyboardInterrupt

    settings = config(recipe, 6)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, pairs, settings, tmp_path / "stopped", StopAt())
    resumed = train(recipe, pairs, settings, tmp_path / "stopped")
    whole = train(recipe, pairs, settings, tmp_path / "whole")
    again = train(recipe, pairs, settings, tmp_path / "whole")  # finished: read back
    assert resumed.images == whole.images == again.images
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])
        assert torch.equal(value, again.network.state_dict()[name])


def test_the_unsupervised_gan_does_not_know_which_truth_belongs_to_which_image() -> None:
    torch.manual_seed(0)
    settings = SMALL_GAN.config(5, BOX, seed=0, bf16=False)
    noisy, clean, output = torch.randn(3, 4, 1, BOX, BOX)

    def losses(order: list[int]) -> dict[str, float]:
        torch.manual_seed(1)
        device = torch.device("cpu")
        adversary = Adversary(SMALL_GAN.loss, settings, device, ALONE)
        objective = Objective(SMALL_GAN.loss, adversary, device, bf16=False)
        batch = Batch(noisy, clean[order, 0], torch.ones(4))
        _, parts = objective(batch, output, 0, 1e-3)
        return {name: float(value) for name, value in parts.items()}

    one, other = losses([0, 1, 2, 3]), losses([2, 0, 3, 1])
    assert one == pytest.approx(other, rel=1e-5)
    assert "pixel" not in one
    assert one["loss"] == pytest.approx(one["adversarial"])
    assert losses([0, 0, 0, 0])["discriminator"] != pytest.approx(one["discriminator"], rel=1e-5)


def test_all_see_the_same_pairs_and_as_many() -> None:
    configs = [recipe.config(100, 64, seed=3, bf16=False) for recipe in (*RIVALS, OURS)]
    assert len({(c.steps, c.batch, c.boxes, c.parts, c.seed) for c in configs}) == 1
    assert UNSUPERVISED_GAN.network == OURS.network
