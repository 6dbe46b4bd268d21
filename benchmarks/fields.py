"""Pairs of noisy and clean fields: none to many particles at any place, and the noise between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from training_data import PROJECTS, noise_source

from core.denoise.fields.grid import WorkingGrid
from core.denoise.fields.ice import in_units_of_ice, without_accidents
from core.images.micrographs.reader import list_micrographs, read_micrograph
from core.noise.source import MixedNoise, SpectrumNoise
from core.segment.segmenter import Segmenter
from core.signal.ctf import ctf_images
from core.signal.region_spectrum import region_power
from core.simulate.micrographs import scatter
from core.simulate.pairs import PairGenerator, Pairs
from core.simulate.projection import random_angles, rotation_matrices
from core.simulate.superposition import support, widen

if TYPE_CHECKING:
    from pathlib import Path

    from core.noise.source import NoiseSource
    from core.signal.ctf import CtfParameters
    from core.simulate.projection import VolumeTransform

EMPTY = 0.25
"""Part of the fields without any particle."""
RIM = 32
"""Pixels beyond a field where particles lie, too; the CTF spreads them that far."""
VIEWS = 4
"""Projections of a field's particle; they come again turned by right angles and mirrored."""
NEAREST = (0.6, 1.4)
"""Diameters from one particle to the next, at least; drawn for each field."""
HALO = 3
"""Pixels about particles that are no ice."""
UNSURE = 0.1
"""How far from 1 the standard deviation of the ice may lie, as a natural logarithm."""
WINDOW = 128
"""Pixels of the windows that the spectra of ice are measured in."""
WORKING = 4.0


class FieldGenerator(PairGenerator):
    """Draws fields as pairs.

    The ice has the mean 0 and about the standard deviation 1, as `core.denoise.fields.ice` makes
    it. The SNR is that inside the particles, also beyond the border of the field; it is 0 in empty
    fields. The mask is the whole field. There are no poses, shifts and neighbours.
    """

    empty = EMPTY

    def draw(self, n: int, box: int, rng: np.random.Generator, generator: torch.Generator) -> Pairs:
        """Draw n fields of a size."""
        chosen = rng.integers(len(self.volumes), size=n)
        ctf = self.ctf.draw(rng, n)
        low, high = np.log(self.settings.snr_range)
        snr = np.exp(rng.uniform(low, high, n))
        snr[rng.uniform(size=n) < self.empty] = 0
        clean = torch.zeros(n, box, box)
        for k in np.flatnonzero(snr):
            clean[k] = float(snr[k]) ** 0.5 * _field(
                self.volumes[chosen[k]], box, ctf.take(np.array([k])), rng
            )
        noisy = self.noise.draw(n, box, generator) + clean
        unit = torch.as_tensor(np.exp(rng.normal(0, UNSURE, n)), dtype=torch.float32)[:, None, None]
        nothing = np.zeros((n, 3))
        sizes = np.array([self.volumes[k].pixel_size for k in chosen])
        mask = torch.ones(clean.shape, dtype=torch.bool)
        strength = torch.as_tensor(snr, dtype=torch.float32)
        return Pairs(
            unit * clean, mask, strength, nothing, nothing[:, :2], ctf, chosen, sizes,
            unit * noisy,
        )  # fmt: skip


def _field(
    volume: VolumeTransform, box: int, ctf: CtfParameters, rng: np.random.Generator
) -> torch.Tensor:
    """Draw a field (box, box): variance 1 inside its particles, mean 0 in its ice."""
    wide = box + 2 * RIM
    distance = rng.uniform(*NEAREST) * volume.diameter / volume.pixel_size
    most = max(1.0, (wide / distance) ** 2)
    tried = int(np.ceil(np.exp(rng.uniform(0, np.log(2 * most)))))
    first = rng.uniform(RIM, RIM + box, (1, 2))
    places = scatter(wide, distance, tried, rng)
    places = np.concatenate([first, places[np.hypot(*(places - first).T) >= distance]])
    views = volume.project(rotation_matrices(random_angles(rng, min(VIEWS, len(places)))))
    reach = volume.box
    bare = torch.zeros(wide + 2 * reach, wide + 2 * reach)
    for k, (y, x) in enumerate(places.astype(int) + reach // 2):
        view = torch.rot90(views[k % VIEWS], int(rng.integers(4)))
        bare[y : y + reach, x : x + reach] += view.T if rng.integers(2) else view
    bare = bare[reach:-reach, reach:-reach]
    factor = ctf_images(ctf, volume.pixel_size, wide)[0]
    made = torch.fft.irfft2(torch.fft.rfft2(bare) * factor, s=(wide, wide))
    particle = support(bare[None])
    ice = ~widen(particle, HALO)[0]
    made = made - (made[ice].mean() if ice.any() else made.min())
    spread = made[particle[0]].std()
    field: torch.Tensor = (made / spread.clamp(min=1e-20))[RIM:-RIM, RIM:-RIM]
    return field


def ice_spectra(data: Path, held_out: bool) -> torch.Tensor:
    """Spectra (k, bins) of the empty ice of all micrographs but the last, or of the last ones.

    The micrographs are prepared as they are before they are denoised: slow changes of the ice are
    in them, which noise blocks have lost.
    """
    segmenter, found = Segmenter.load(), []
    for project, (diameter, *_) in PROJECTS.items():
        listed = list_micrographs(data / "projects" / project / "Micrographs/micrographs.star")
        for micrograph in listed[-1:] if held_out else listed[:-1]:
            image = read_micrograph(micrograph)
            grid = WorkingGrid.of(image.pixels.shape, micrograph.pixel_size, WORKING)
            labels = segmenter.segment(image, micrograph.pixel_size, diameter)
            shown = grid.shrunk(without_accidents(image.pixels))
            ice = in_units_of_ice(shown, labels, grid.working_pixel_size)
            print(project, micrograph.path.stem, f"empty {ice.empty.mean():.3f}", flush=True)
            if ice.empty.mean() > 0.02:
                power = torch.from_numpy(region_power(ice.image, ice.empty, WINDOW)).float()
                found.append(power / power.mean())
    return torch.stack(found)


def field_noise(data: Path, work: Path, held_out: bool) -> NoiseSource:
    """Blocks and spectra as particles learn in, and the spectra of ice as fields show it."""
    spectra = SpectrumNoise(ice_spectra(data, held_out), 0.0 if held_out else 0.3)
    return MixedNoise([noise_source(data, work, held_out), spectra], [0.6, 0.4])
