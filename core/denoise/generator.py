"""The generator: convolutions down, residual blocks, resize-convolutions up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import IceblockError
from .network import DenoisingNetwork, NetworkConfig

Norm = Literal["none", "group", "batch"]


@dataclass(frozen=True)
class GeneratorConfig(NetworkConfig):
    """Arguments of the network; the presets below are choices of these, not other code."""

    widths: tuple[int, ...] = (48, 96, 160)
    """Channels after each convolution of the way down."""
    strides: tuple[int, ...] = (1, 2, 2)
    """Stride of each of them."""
    residual_blocks: int = 9
    """At the coarsest scale, two 3×3 convolutions each."""
    stem_kernel: int = 5
    """Kernel of the first and the last convolution."""
    stem_shuffle: int = 2
    """Pixel-unshuffle factor before the first convolution (1: none)."""
    norm: Norm = "group"
    """Normalisation layers; `batch` as in the paper."""
    input_skip: bool = False
    """Add the input to the output: the network then predicts minus the noise."""
    reads_ctf: bool = False
    """Two images in and two out, as `ctf_channel` makes and takes them."""

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.strides) or not self.widths:
            raise IceblockError("A generator needs one stride for each width.")
        if self.norm not in ("none", "group", "batch"):
            raise IceblockError(f"Unknown normalisation {self.norm!r}: none, group or batch.")
        if self.stem_kernel % 2 == 0 or min(*self.widths, *self.strides, self.stem_shuffle) < 1:
            raise IceblockError("A generator needs an odd stem kernel and positive sizes.")
        if self.reads_ctf and self.input_skip:
            raise IceblockError("A generator that reads CTFs cannot add its input to its output.")

    def build(self) -> Generator:
        """Make the network, with random weights."""
        return Generator(self)

    @property
    def channels(self) -> int:
        """Images that the network is given, and gives, for each particle."""
        return 2 if self.reads_ctf else 1

    @property
    def multiple(self) -> int:
        """Input edges are padded to a multiple of this."""
        total = self.stem_shuffle
        for stride in self.strides:
            total *= stride
        return total


PRESETS = {
    "default": GeneratorConfig(),
    "paper": GeneratorConfig(
        widths=(32, 64, 128),
        strides=(1, 2, 2),
        residual_blocks=3,
        stem_kernel=9,
        stem_shuffle=1,
        norm="batch",
        input_skip=True,
    ),
    "large": GeneratorConfig(
        widths=(32, 64, 128, 256),
        strides=(1, 2, 2, 2),
        residual_blocks=6,
        stem_kernel=7,
        stem_shuffle=1,
    ),
}
"""`paper`: the generator that Tang et al. 2022 cite (Alsaiari et al. 2019) with strides 1-2-2;
`default`: the same idea with half the resolution from the start, more residual blocks and group
normalisation, without which training at this noise runs away now and then; `large`: for boxes
whose particles outgrow a field of view of 170 pixels."""


def norm_layer(kind: Norm, channels: int) -> nn.Module:
    """Give the normalisation of (n, channels, y, x), which for `none` is the identity."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        return nn.GroupNorm(min(8, channels), channels)
    return nn.Identity()


def _convolution(inner: int, outer: int, kernel: int, stride: int, norm: Norm) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, kernel, stride=stride, padding=kernel // 2),
        norm_layer(norm, outer),
        nn.LeakyReLU(0.2, inplace=True),
    )


class ResidualBlock(nn.Module):
    """x + conv(leaky(conv(x))), starting close to the identity."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.first = _convolution(channels, channels, 3, 1, norm)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = norm_layer(norm, channels)
        with torch.no_grad():
            if isinstance(self.norm, nn.GroupNorm):  # it undoes what a weight before it does
                self.norm.weight.fill_(0.1)
            else:
                self.second.weight.mul_(0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the block to (n, channels, y, x)."""
        return x + torch.as_tensor(self.norm(self.second(self.first(x))))


class Generator(DenoisingNetwork):
    """Image in, denoised image out, any size.

    Parameters
    ----------
    config
        See `GeneratorConfig`.
    """

    config: GeneratorConfig

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        channels = outer = config.channels * config.stem_shuffle**2
        stages = []
        for i, (width, stride) in enumerate(zip(config.widths, config.strides, strict=True)):
            kernel = config.stem_kernel if i == 0 else 3
            stages.append(_convolution(channels, width, kernel, stride, config.norm))
            channels = width
        self.down = nn.ModuleList(stages)
        blocks = [ResidualBlock(channels, config.norm) for _ in range(config.residual_blocks)]
        self.body = nn.Sequential(*blocks)
        stages = []
        for width in reversed((config.widths[0], *config.widths[:-1])):
            stages.append(_convolution(channels, width, 3, 1, config.norm))
            channels = width
        self.up = nn.ModuleList(stages[:-1] if config.strides[0] == 1 else stages)
        self.out = nn.Conv2d(channels, outer, config.stem_kernel, padding=config.stem_kernel // 2)

        with torch.no_grad():  # the first answers are close to nothing
            self.out.weight.mul_(0.1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Denoise (n, channels, y, x) images normalised on their background ring."""
        height, width = images.shape[-2:]
        padded = _pad_to_multiple(images, self.config.multiple)
        x = padded
        if self.config.stem_shuffle > 1:
            x = F.pixel_unshuffle(x, self.config.stem_shuffle)
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        x = self.body(x) + skips.pop()
        factors = reversed(self.config.strides)
        for stage, factor in zip(self.up, factors, strict=False):
            if factor > 1:
                x = F.interpolate(x, scale_factor=factor, mode="nearest")
            x = stage(x)
            if skips and skips[-1].shape == x.shape:
                x = x + skips.pop()
        x = self.out(x)
        if self.config.stem_shuffle > 1:
            x = F.pixel_shuffle(x, self.config.stem_shuffle)
        if self.config.input_skip:
            x = x + padded
        return x[..., :height, :width]


def _pad_to_multiple(images: torch.Tensor, multiple: int) -> torch.Tensor:
    """Reflect-pad at the bottom and right."""
    height, width = images.shape[-2:]
    down, right = -height % multiple, -width % multiple
    if not (down or right):
        return images
    return F.pad(images, [0, right, 0, down], mode="reflect")
