from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.denoise.generator import PRESETS, Generator, GeneratorConfig, Norm
from core.errors import IceblockError


@given(height=st.integers(8, 60), width=st.integers(8, 60), preset=st.sampled_from(list(PRESETS)))
@settings(max_examples=12, deadline=None)
def test_output_has_the_size_of_the_input(height: int, width: int, preset: str) -> None:
    net = Generator(PRESETS[preset]).eval()
    with torch.inference_mode():
        assert net(torch.zeros(1, 1, height, width)).shape == (1, 1, height, width)


def test_paper_preset_has_the_size_of_the_cited_network() -> None:
    count = sum(p.numel() for p in Generator(PRESETS["paper"]).parameters())
    assert count == pytest.approx(1.08e6, rel=0.01)


@pytest.mark.parametrize(
    ("norm", "layer"), [("batch", torch.nn.BatchNorm2d), ("group", torch.nn.GroupNorm)]
)
def test_normalisation_is_an_argument(norm: Norm, layer: type[torch.nn.Module]) -> None:
    assert PRESETS["paper"].norm == "batch"
    layers = {type(m) for m in Generator(replace(PRESETS["default"], norm=norm)).modules()}
    assert layer in layers
    layers = {type(m) for m in Generator(replace(PRESETS["default"], norm="none")).modules()}
    assert not layers & {torch.nn.BatchNorm2d, torch.nn.GroupNorm}


def test_default_sees_far() -> None:
    """A changed pixel reaches outputs more than 60 pixels away."""
    torch.manual_seed(0)
    net = Generator(replace(PRESETS["default"], norm="none")).double().eval()
    image = torch.zeros(1, 1, 160, 160, dtype=torch.float64, requires_grad=True)
    net(image)[0, 0, 80, 80].backward()
    assert image.grad is not None
    reach = image.grad[0, 0].abs().nonzero() - 80
    assert reach.abs().max() > 60


@pytest.mark.parametrize(
    "arguments",
    [
        {"widths": (8,), "strides": (1, 2)},
        {"norm": "layer"},
        {"stem_kernel": 4},
        {"strides": (0, 1)},
    ],
)
def test_impossible_networks_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(IceblockError):
        GeneratorConfig(**arguments)  # type: ignore[arg-type]
