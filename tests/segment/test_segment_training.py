from functools import cache

import numpy as np
import pytest
import torch

from core.errors import IceblockError
from core.segment.examples import LabelledMicrograph, batch
from core.segment.model_file import SegmentationCard, load_model, save_model
from core.segment.network import NetworkConfig, SegmentationNet
from core.segment.scores import f1_score
from core.segment.segmenter import Segmenter
from core.segment.training import TrainingSettings, segmentation_loss, train

from .spotted import image_of, spotted

PIXEL, DIAMETER = 2.0, 48.0
QUICK = TrainingSettings(steps=60, batch=2, size=128, warmup=5, ema=0.9, learning_rate=4e-3)


def sources(seeds=(1, 2, 3)):
    made = [spotted(seed=seed) for seed in seeds]
    return [LabelledMicrograph.prepare(p, PIXEL, DIAMETER, c) for p, c in made]


@cache
def trained():
    torch.manual_seed(0)
    small = SegmentationNet(NetworkConfig((8, 16, 24)))
    return train(sources(), [1, 1, 1], QUICK, small)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "own.safetensors"
    save_model(path, trained(), SegmentationCard("own", ("a.mrc",)))
    return path


def test_three_micrographs_teach_it_to_find_particles_on_a_fourth(model_file):
    pixels, centres = spotted(seed=9)
    made = Segmenter.load(model_file).segment(image_of(pixels), PIXEL, DIAMETER)
    assert f1_score(made, centres, DIAMETER / 2 / PIXEL) > 0.7


def test_the_score_is_low_for_picks_in_the_wrong_places(model_file):
    pixels, centres = spotted(seed=9)
    made = Segmenter.load(model_file).segment(image_of(pixels), PIXEL, DIAMETER)
    swapped = np.array(pixels.shape) - centres
    assert f1_score(made, swapped, DIAMETER / 2 / PIXEL) < 0.5


def test_the_same_seed_gives_the_same_network():
    settings = TrainingSettings(steps=3, batch=2, size=64, warmup=2)
    one, two = (train(sources((1,)), [1], settings) for _ in range(2))
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    other = train(sources((1,)), [1], TrainingSettings(steps=3, batch=2, size=64, seed=1, warmup=2))
    assert not torch.equal(one.head.weight, other.head.weight)


def test_a_loss_that_is_no_number_is_named():
    network = SegmentationNet(NetworkConfig((8, 16)))
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    with pytest.raises(IceblockError, match="diverged at step 0"):
        train(sources((1,)), [1], TrainingSettings(steps=2, batch=1, size=64), network)


def test_batches_mark_what_has_no_label():
    seen, labels = batch(sources((1,)), [1], 3, 256, np.random.default_rng(0))
    assert seen.shape == (3, 2, 256, 256)
    assert labels.shape == (3, 256, 256)
    assert set(np.unique(labels)) <= {-1, 0, 1, 2}
    assert (labels == -1).any()  # the micrograph is smaller than the example
    assert np.isfinite(seen).all()


def test_unlabelled_pixels_do_not_count():
    logits = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(0, 3, (1, 16, 16), generator=torch.Generator().manual_seed(1))
    labels[:, 8:] = -1
    changed = logits.clone()
    changed[..., 8:, :] += 5 * torch.randn(1, 3, 8, 16)
    assert torch.equal(segmentation_loss(logits, labels), segmentation_loss(changed, labels))


def test_a_perfect_answer_costs_little_and_a_wrong_one_much():
    labels = torch.randint(0, 3, (2, 32, 32), generator=torch.Generator().manual_seed(0))
    right = 20 * torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    assert segmentation_loss(right, labels) < 0.01
    assert segmentation_loss(right.roll(1, dims=1), labels) > 2


@pytest.mark.parametrize("shape", [(40, 40), (33, 57), (101, 64), (17, 16)])
def test_any_shape_goes_through(shape):
    network = SegmentationNet(NetworkConfig((4, 8, 8))).eval()
    assert network(torch.randn(1, 2, *shape)).shape == (1, 3, *shape)


def test_the_model_file_gives_the_network_back(model_file):
    loaded = load_model(model_file)
    assert loaded.card == SegmentationCard("own", ("a.mrc",))
    views = torch.randn(1, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    difference = (loaded.network(views) - trained()(views)).abs().max()
    assert difference < 0.02 * trained()(views).abs().max()  # stored as float16


def test_a_denoising_model_is_refused_by_name():
    from core.denoise.shipped import DEFAULT, find_model

    with pytest.raises(IceblockError, match="holds a generator and a segmentation is wanted"):
        load_model(find_model(DEFAULT))


def test_a_missing_model_is_named():
    with pytest.raises(IceblockError, match="nowhere"):
        load_model("nowhere.safetensors")
