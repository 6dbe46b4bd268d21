"""Where training noise comes from: real blocks, spectra of real ice, or a mixture of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from ..errors import IceblockError
from ..signal.spectrum import noise_with_power


class NoiseSource(Protocol):
    """Anything that gives images of noise with a standard deviation of about 1."""

    def draw(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        """Return (n, box, box) float32 noise, reproducible from the generator's state."""
        ...


def random_symmetry(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror and turn each of n square images by one of the square's eight symmetries."""
    code = torch.randint(8, (len(images),), generator=generator, device=images.device)
    for bit, operation in enumerate((_flip_y, _flip_x, _transpose)):
        chosen = ((code >> bit) & 1).bool()[:, None, None]
        images = torch.where(chosen, operation(images), images)
    return images


def _flip_y(images: torch.Tensor) -> torch.Tensor:
    return images.flip(-2)


def _flip_x(images: torch.Tensor) -> torch.Tensor:
    return images.flip(-1)


def _transpose(images: torch.Tensor) -> torch.Tensor:
    return images.transpose(-1, -2)


class BlockNoise:
    """Crops of real noise blocks, mirrored and turned, half of them mixed from two blocks.

    Parameters
    ----------
    blocks : (k, m, m) float tensor
        Noise with a standard deviation of about 1, on the device that training runs on.
    """

    def __init__(self, blocks: torch.Tensor) -> None:
        self.blocks = blocks

    @property
    def largest_box(self) -> int:
        """The largest box that can be drawn."""
        return int(self.blocks.shape[-1])

    def draw(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        """Draw (n, box, box) noise; see `NoiseSource`."""
        if box > self.largest_box:
            raise _too_large(box, self.largest_box)
        one, other = self._crops(n, box, generator), self._crops(n, box, generator)
        angle = torch.rand(n, 1, 1, generator=generator, device=one.device) * torch.pi
        mixed = one * angle.cos() + other * angle.sin()  # unit square sum keeps the variance
        alone = torch.rand(n, 1, 1, generator=generator, device=one.device) < 0.5
        return torch.where(alone, one, mixed)

    def _crops(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        count, edge, _ = self.blocks.shape
        device = self.blocks.device

        def integers(high: int) -> torch.Tensor:
            return torch.randint(high, (n,), generator=generator, device=device)

        which = integers(count)
        span = torch.arange(box, device=device)
        y = integers(edge - box + 1)[:, None, None] + span[:, None]
        x = integers(edge - box + 1)[:, None, None] + span
        return random_symmetry(self.blocks[which[:, None, None], y, x], generator)


class SpectrumNoise:
    """Gaussian noise with the radial spectra of real ice, each spectrum varied a little.

    Parameters
    ----------
    power : (k, bins)
        Spectra as `radial_power` gives them.
    variation
        Standard deviation of the natural logarithm of the smooth gain that varies a spectrum:
        it covers ice and detectors that the spectra do not.
    """

    def __init__(self, power: torch.Tensor, variation: float = 0.3) -> None:
        self.power = power
        self.variation = variation

    def draw(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        """Draw (n, box, box) noise; see `NoiseSource`."""
        bins = self.power.shape[1]
        device = self.power.device
        which = torch.randint(len(self.power), (n,), generator=generator, device=device)
        knots = torch.randn(n, 1, 6, generator=generator, device=device) * self.variation
        gain = torch.nn.functional.interpolate(knots, size=bins, mode="linear", align_corners=True)
        power = self.power[which] * gain[:, 0].exp()
        noise = noise_with_power(power, box, generator)
        return noise / noise.std(dim=(1, 2), keepdim=True, correction=0)


class MixedNoise:
    """Each image from one of several sources, chosen at random by weight."""

    def __init__(self, sources: Sequence[NoiseSource], weights: Sequence[float]) -> None:
        self.sources = list(sources)
        self.weights = torch.tensor(weights, dtype=torch.float32)

    def draw(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        """Draw (n, box, box) noise; see `NoiseSource`."""
        usable = [box <= getattr(s, "largest_box", box) for s in self.sources]
        weights = self.weights * torch.tensor(usable)
        if not weights.any():
            raise _too_large(box, max(getattr(s, "largest_box", 0) for s in self.sources))
        which = torch.multinomial(
            weights.to(generator.device), n, replacement=True, generator=generator
        ).cpu()  # how many there are of each has to be known
        noise = torch.empty(n, box, box, device=generator.device)
        for k, source in enumerate(self.sources):
            rows = (which == k).nonzero()[:, 0].to(noise.device)
            if len(rows):
                noise[rows] = source.draw(len(rows), box, generator)
        return noise


def _too_large(box: int, largest: int) -> IceblockError:
    return IceblockError(
        f"The noise blocks have {largest} pixels and a box of {box} is wanted: use a smaller box "
        "or cut larger blocks."
    )
