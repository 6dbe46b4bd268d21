"""What a data set has taught about its particles, and the best linear estimate that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from ...signal.ctf import CtfParameters, ctf_images, ctf_profiles
from ...signal.spectrum import radial_index


@dataclass(frozen=True)
class SetPrior:
    """Principal components of a set's clean images before the CTF, and the set's noise.

    The second moments are about 0 and not about the mean, so one component is nearly the mean.

    Components of one angular frequency come in pairs, a cosine and a sine. They are scaled, so that
    the weight of each has variance 1. The weights of one ring and copy (cosine or sine) are
    independent of all others, so the components stand in a table of (rings, 2, p).
    """

    box: int
    """Pixels."""
    pixel_size: float
    """Å."""
    count: int
    """Images that it was learned from."""
    signal: float
    """Mean energy of an image's signal about the mean, the noise being white with variance 1."""
    noise: torch.Tensor
    """(box // 2 + 1,) power of the noise in rings."""
    mean: torch.Tensor
    """(box, box), for the report."""
    components: torch.Tensor
    """(k, box, box)."""
    places: torch.Tensor
    """(k,) int64 of the components in the flattened table."""
    frequencies: torch.Tensor
    """(nodes,) cycles per pixel."""
    transfers: torch.Tensor
    """(g, nodes) CTFs that `posterior` was worked out for."""
    posterior: torch.Tensor
    """(g, rings, p, p): covariance of the components' weights when the image is known."""

    def estimate(self, images: torch.Tensor, ctf: CtfParameters | None) -> torch.Tensor:
        """Best linear estimate of the clean images, their CTF on them.

        It is a Wiener filter that uses the whole matrix of second moments instead of the spectrum:
        the posterior mean for clean images that are Gaussian about 0. The set's mean is not added.
        So no particle appears in an image that does not show one.

        Parameters
        ----------
        images : (n, box, box)
            At the set's pixel size, the background's mean 0 and sd 1.
        ctf
            n of them; None where the set has none.

        Returns
        -------
        estimate : (n, box, box)
        """
        n, box = len(images), self.box
        device = images.device
        index = radial_index(box, box // 2 + 1, device)
        noise = self.noise[index]
        if ctf is None:
            transfer = torch.ones(n, *index.shape, device=device)
            nearest = torch.zeros(n, dtype=torch.long, device=device)
        else:
            transfer = ctf_images(ctf, self.pixel_size, box, device)
            nearest = self._nearest(ctf)
        matched = torch.fft.irfft2(torch.fft.rfft2(images) * transfer / noise, s=(box, box))
        basis = self.components.flatten(1)
        rings, slots = self.posterior.shape[1:3]
        table = torch.zeros(n, rings * 2 * slots, device=device)
        table[:, self.places] = matched.flatten(1) @ basis.T
        weights = table.reshape(n, rings, 2, slots) @ self.posterior[nearest]
        found = (weights.flatten(1)[:, self.places] @ basis).reshape(n, box, box)
        estimate: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(found) * transfer, s=(box, box))
        return estimate

    def to(self, device: torch.device | str) -> SetPrior:
        """Give the same on another device."""
        moved: dict[str, Any] = {k: tensor.to(device) for k, tensor in self.tensors().items()}
        return replace(self, **moved)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Give the fields that are tensors, by name."""
        return {k: v for k, v in vars(self).items() if isinstance(v, torch.Tensor)}

    def _nearest(self, ctf: CtfParameters) -> torch.Tensor:
        """Index of the transfer that is most like that of each image."""
        profiles = ctf_profiles(ctf, self.frequencies.cpu().double().numpy(), self.pixel_size)
        own = torch.as_tensor(profiles, dtype=torch.float32, device=self.transfers.device)
        return torch.cdist(own, self.transfers).argmin(1)
