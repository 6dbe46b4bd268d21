import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.denoise.paper import vgg19
from core.denoise.paper.perceptual import (
    DomainFeatures,
    PerceptualLoss,
    gradient_ratio,
    load_features,
)
from core.denoise.paper.vgg19 import Vgg19
from core.errors import IceblockError

SPAN = (-1.0, 3.0)


def weights(last: str = "relu3_4") -> dict[str, torch.Tensor]:
    """Weights by torchvision's names, and some that are not asked for."""
    torch.manual_seed(3)
    layers = Vgg19(last).layers.state_dict()
    return {
        **{f"features.{name}": value for name, value in layers.items()},
        "features.34.weight": torch.zeros(2),
        "classifier.0.weight": torch.zeros(2, 2),
    }


def save_pth(path: Path, content: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a .pth that counts as torchvision's."""
    torch.save(content, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(vgg19, "SHA256", digest[:8])
    return path


def test_layers_stand_where_torchvision_has_them() -> None:
    """In torchvision's vgg19 the convolution before relu3_4 is features.16, the last is 34."""
    shapes = {name: tuple(v.shape) for name, v in Vgg19("relu3_4").layers.state_dict().items()}
    assert list(shapes)[-2:] == ["16.weight", "16.bias"]
    assert shapes["0.weight"] == (64, 3, 3, 3)
    assert shapes["16.weight"] == (256, 256, 3, 3)
    assert sum(torch.Size(s).numel() for s in shapes.values()) == 2_325_568
    whole = Vgg19("relu5_4").layers.state_dict()
    assert list(whole)[-1] == "34.bias"
    assert sum(v.numel() for v in whole.values()) == 20_024_384
    with pytest.raises(IceblockError, match="relu6_1"):
        Vgg19("relu6_1")


def test_grey_values_are_seen_as_imagenets() -> None:
    net = Vgg19("relu1_1", SPAN)
    seen: list[torch.Tensor] = []
    net.layers[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    net.features(torch.tensor([-1.0, 1.0, 3.0]).view(3, 1, 1, 1).expand(3, 1, 4, 4))
    mean, sd = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for k, value in enumerate((0.0, 0.5, 1.0)):
        torch.testing.assert_close(seen[0][k, :, 0, 0], (value - mean) / sd)


def test_random_weights_are_always_the_same_and_keep_the_scale() -> None:
    one, again = load_features("random", SPAN), load_features("random", SPAN)
    assert one is not None
    assert again is not None
    image = torch.rand(1, 1, 32, 32) * 4 - 1
    (features,) = one.features(image)
    assert torch.equal(features, again.features(image)[0])
    assert features.shape == (1, 256, 8, 8)
    assert 0.1 < float(features.std()) < 10


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    path = tmp_path / f"vgg19.{suffix}"
    if suffix == "pth":
        save_pth(path, weights(), monkeypatch)
    else:
        save_file(weights(), path)
    network = load_features("vgg19", SPAN, path)
    assert isinstance(network, Vgg19)
    for name, value in network.layers.state_dict().items():
        assert torch.equal(value, weights()[f"features.{name}"])
    assert not any(p.requires_grad for p in network.parameters())


def test_another_hash_is_refused_before_the_file_is_read(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "exploded",)  # type: ignore[return-value]

    path = tmp_path / "vgg19-dcbb9e9d.pth"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(IceblockError, match=r"vgg19-dcbb9e9d\.pth.*SHA-256 begins .* not dcbb9e9d"):
        load_features("vgg19", SPAN, path)
    assert not (tmp_path / "exploded").exists()


def test_code_in_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "exploded",)  # type: ignore[return-value]

    path = save_pth(tmp_path / "a.pth", {"features.0.weight": Bomb()}, monkeypatch)
    with pytest.raises(IceblockError, match="cannot be read as weights"):
        load_features("vgg19", SPAN, path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("fault", ["missing", "shape", "garbage", "no file", "folder"])
def test_files_that_do_not_fit_are_named(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "v.safetensors"
    tensors = weights()
    if fault == "missing":
        del tensors["features.7.bias"]
    elif fault == "shape":
        tensors["features.7.bias"] = torch.zeros(3)
    if fault == "garbage":
        path.write_bytes(b"garbage" * 100)
    elif fault == "folder":
        path.mkdir()
    elif fault != "no file":
        save_file(tensors, path)
    says = {"missing": r"features\.7\.bias", "shape": "not VGG-19's.*shape"}.get(fault, "")
    with pytest.raises(IceblockError, match=rf"v\.safetensors.*{says}|{says}.*v\.safetensors"):
        load_features("vgg19", SPAN, path)


def test_vgg19_without_a_file_is_refused() -> None:
    with pytest.raises(IceblockError, match="--vgg19"):
        load_features("vgg19", SPAN)
    assert load_features("none", SPAN) is None


class TwoScales(torch.nn.Module):
    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        assert x.shape[1] == 2
        assert x.shape[2] % 16 == x.shape[3] % 16 == 0
        return [x, torch.nn.functional.avg_pool2d(x, 2)]


@pytest.mark.parametrize("box", [32, 36, 47])
def test_the_domain_network_sees_dark_particles_in_two_views(box: int) -> None:
    features = DomainFeatures(TwoScales(), SPAN)
    image = torch.randn(2, 1, box, box, requires_grad=True)
    flat, _ = features.features(image)
    half = box // 2
    pooled = torch.nn.functional.avg_pool2d(image, 2)
    torch.testing.assert_close(flat[:, :1, :half, :half], -2 * pooled)  # 8 units over a span of 4
    torch.testing.assert_close(flat[:, 1:], torch.asinh(flat[:, :1] / 4))
    flat.sum().backward()
    assert image.grad is not None
    assert image.grad[..., : 2 * half, : 2 * half].all()


def test_the_segmentation_network_that_ships_is_the_domain_network() -> None:
    network = load_features("domain", SPAN)
    assert network is not None
    loss = PerceptualLoss(network)
    clean = torch.rand(2, 1, 48, 48) * 4 - 1
    output = (0.5 * clean).requires_grad_()
    (slope,) = torch.autograd.grad(loss(output, clean), output)
    assert slope.abs().amax(dim=(1, 2, 3)).min() > 0
    assert len(network.features(clean)) > 1


def test_equation_7() -> None:
    loss = PerceptualLoss(DomainFeatures(TwoScales(), SPAN), constant=3.0)
    one, other = torch.randn(2, 2, 1, 32, 32).unbind()
    pairs = zip(loss.network.features(one), loss.network.features(other), strict=True)
    expected = 3 * torch.stack([(a - b).square().mean() for a, b in pairs]).mean()
    torch.testing.assert_close(loss(one, other), expected)
    assert float(loss(one, one)) == 0


def test_gradients_are_weighed_at_the_output() -> None:
    output = torch.randn(4, requires_grad=True)
    assert gradient_ratio(6 * output.sum(), 2 * output.sum(), output) == pytest.approx(3.0)
    assert gradient_ratio(output.sum(), 0 * output.sum(), output) == 0.0
