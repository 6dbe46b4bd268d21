import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.denoise.generator import Norm
from core.denoise.paper.discriminator import Discriminator, DiscriminatorConfig
from core.errors import IceblockError

SMALL = (4, 4, 8, 8)


def convolutions(net: Discriminator) -> list[torch.nn.Conv2d]:
    return [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]


def test_it_is_the_cited_network() -> None:
    layers = convolutions(Discriminator(DiscriminatorConfig()))
    assert [c.out_channels for c in layers] == [48, 96, 192, 384, 1]
    assert [c.stride for c in layers] == [(2, 2)] * 3 + [(1, 1)] * 2
    assert {c.kernel_size for c in layers} == {(4, 4)}
    assert layers[0].in_channels == 2


@pytest.mark.parametrize(
    ("norm", "layer"), [("batch", torch.nn.BatchNorm2d), ("group", torch.nn.GroupNorm)]
)
def test_no_normalisation_on_the_first_and_the_last_layer(
    norm: Norm, layer: type[torch.nn.Module]
) -> None:
    kinds = [type(m) for m in Discriminator(DiscriminatorConfig(norm=norm)).layers]
    assert kinds.count(layer) == 3
    assert layer not in (kinds[1], kinds[-1], kinds[-2])
    assert layer not in [type(m) for m in Discriminator(DiscriminatorConfig(norm="none")).layers]


@settings(deadline=None, max_examples=10)
@given(height=st.integers(24, 70), width=st.integers(24, 70), conditional=st.booleans())
def test_any_image_gives_logits_for_patches(height: int, width: int, conditional: bool) -> None:
    net = Discriminator(DiscriminatorConfig(SMALL, conditional=conditional))
    logits = net(torch.randn(2, 1, height, width), torch.randn(2, 1, height, width))
    assert logits.shape[:2] == (2, 1)
    assert min(logits.shape[2:]) >= 1
    assert logits.shape[2] < height / 4


@pytest.mark.parametrize("conditional", [True, False])
def test_only_a_conditional_one_looks_at_the_noisy_image(conditional: bool) -> None:
    torch.manual_seed(0)
    net = Discriminator(DiscriminatorConfig(SMALL, conditional=conditional))
    image, one, other = torch.randn(3, 1, 1, 32, 32).unbind()
    assert torch.equal(net(one, image), net(other, image)) != conditional
    assert not torch.equal(net(one, image), net(one, other))


@pytest.mark.parametrize("arguments", [{"widths": (4,)}, {"norm": "layer"}, {"widths": ()}])
def test_impossible_networks_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(IceblockError):
        DiscriminatorConfig(**arguments)  # type: ignore[arg-type]
