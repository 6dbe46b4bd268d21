"""The perceptual loss (Eq. 7): images compared by the features that a frozen network sees.

Backends: `vgg19`, from a file of the user's; `random`, the same network with seeded random weights,
whose structure alone helps (Liu et al., CVPR 2021); `domain`, the encoder of this pipeline's own
segmentation network. Nothing is ever downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import nn
from torch.nn import functional as F

from ...errors import IceblockError
from .losses import Backend
from .vgg19 import Vgg19, load_weights, randomise


class FeatureNetwork(Protocol):
    """A frozen network that tells what it sees in (n, 1, y, x) images at several depths."""

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return feature maps, each (n, channels, v, u)."""
        ...


class DomainFeatures(nn.Module):
    """What the encoder of the segmentation network sees of particle images.

    It knows micrographs with dark particles about 16 pixels across, as two views: in units of
    their spread, and compressed by asinh. The images are brought to the like of these by fixed
    operations that let gradients through.

    Parameters
    ----------
    network
        The U-Net: takes (n, 2, y, x), y and x multiples of `UNIT`.
    span
        Range of grey values that is to have `CONTRAST` units.
    """

    UNIT, POOL, CONTRAST = 16, 2, 8.0

    def __init__(self, network: FeatureNetwork, span: tuple[float, float]) -> None:
        super().__init__()
        self.network = network
        self.gain = self.CONTRAST / (span[1] - span[0])

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the encoder's feature maps for (n, 1, y, x) images of white particles."""
        dark = -self.gain * F.avg_pool2d(x, self.POOL)
        height, width = dark.shape[-2:]
        padded = F.pad(dark, (0, -width % self.UNIT, 0, -height % self.UNIT), mode="replicate")
        return self.network.features(torch.cat([padded, torch.asinh(padded / 4)], dim=1))


class PerceptualLoss(nn.Module):
    """C times the mean square difference of features (Eq. 7), the mean over the depths.

    Parameters
    ----------
    network
        Frozen; gradients pass through it.
    constant
        C.
    """

    def __init__(self, network: FeatureNetwork, constant: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.constant = constant

    def forward(self, output: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """Compare (n, 1, y, x) images."""
        with torch.no_grad():
            wanted = self.network.features(clean)
        found = self.network.features(output)
        errors = [F.mse_loss(a.float(), b.float()) for a, b in zip(found, wanted, strict=True)]
        return self.constant * torch.stack(errors).mean()


def load_features(
    backend: Backend, span: tuple[float, float], vgg19: Path | None = None
) -> FeatureNetwork | None:
    """Make a frozen feature network.

    Parameters
    ----------
    backend
        vgg19, domain, random or none.
    span
        Range of the clean images' grey values; VGG-19 is to see it as 0 to 1.
    vgg19
        The file with the weights: torchvision's .pth, or a .safetensors with the same names.

    Raises
    ------
    IceblockError
        If the weights are missing, are not those, or do not fit.
    """
    if backend == "none":
        return None
    if backend == "domain":
        return load_domain(span)
    network = Vgg19(span=span)
    if backend == "random":
        randomise(network, seed=19)
    elif vgg19 is not None:
        load_weights(network, vgg19)
    else:
        raise IceblockError(
            "The perceptual backend `vgg19` needs the weights, which do not ship: give --vgg19 "
            "with torchvision's vgg19-dcbb9e9d.pth, or --perceptual random or none."
        )
    return network.eval().requires_grad_(False)


def load_domain(span: tuple[float, float]) -> FeatureNetwork:
    """Load the encoder of the segmentation network that ships."""
    from ...segment.model_file import load_model

    return DomainFeatures(load_model().network, span)


def gradient_ratio(pixel: torch.Tensor, perceptual: torch.Tensor, output: torch.Tensor) -> float:
    """Give the norm of the pixel loss's gradient at `output` over that of the perceptual one's."""
    one, other = (
        float(torch.autograd.grad(loss, output, retain_graph=True)[0].norm())
        for loss in (pixel, perceptual)
    )
    return one / other if other > 0 else 0.0
