"""The contrast transfer function of a set of particles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch_ctf import calculate_ctf_2d

Array = np.ndarray[tuple[int], np.dtype[np.float64]]
Array2 = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Array3 = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]


@dataclass(frozen=True)
class CtfParameters:
    """One value a particle, in RELION's units; all arrays are (n,)."""

    defocus_u: Array
    """Å, underfocus positive."""
    defocus_v: Array
    """Å."""
    defocus_angle: Array
    """Degrees."""
    voltage: Array
    """kV."""
    spherical_aberration: Array
    """mm."""
    amplitude_contrast: Array
    """Fraction."""
    phase_shift: Array
    """Degrees."""

    def __len__(self) -> int:
        return len(self.defocus_u)

    def take(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> CtfParameters:
        """Give the parameters of some rows."""
        return CtfParameters(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def known(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(n,) which particles have a CTF: no value of theirs is NaN or infinite."""
        finite = [np.isfinite(getattr(self, f.name)) for f in fields(self)]
        known: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.logical_and.reduce(finite)
        return known

    def filled(self) -> CtfParameters:
        """Give all particles that have no CTF the median of the others."""
        known = self.known
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return CtfParameters(
            **{k: np.where(known, v, np.median(v[known])) for k, v in columns.items()}
        )

    def with_pixels(self, times: float | Array) -> CtfParameters:
        """Give the CTFs that the same images have when their pixels count as larger.

        A phase of π λ z k² - π/2 Cs λ³ k⁴ stays as it is where the spatial frequency k becomes
        k / `times`.

        Parameters
        ----------
        times
            The pixel size that the images are taken to have, over their own; one or n of them.
        """
        return replace(
            self,
            defocus_u=self.defocus_u * times**2,
            defocus_v=self.defocus_v * times**2,
            spherical_aberration=self.spherical_aberration * times**4,
        )


def joined(parts: Sequence[CtfParameters]) -> CtfParameters:
    """Put the parameters of several groups of particles behind one another."""
    names = [f.name for f in fields(CtfParameters)]
    return CtfParameters(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


def random_ctf(
    rng: np.random.Generator, n: int, defocus_range: tuple[float, float] = (5000.0, 35000.0)
) -> CtfParameters:
    """CTF parameters as today's microscopes give them.

    Parameters
    ----------
    rng
        Source of randomness.
    n
        Number of particles.
    defocus_range
        Mean defocus in Å, drawn uniformly; astigmatism has an sd of 150 Å.
    """
    defocus = rng.uniform(*defocus_range, n)
    half_astigmatism = rng.normal(0, 75, n)
    return CtfParameters(
        defocus_u=defocus + half_astigmatism,
        defocus_v=defocus - half_astigmatism,
        defocus_angle=rng.uniform(0, 180, n),
        voltage=rng.choice([300.0, 200.0], n, p=[0.75, 0.25]),
        spherical_aberration=rng.choice([2.7, 2.0, 0.01], n, p=[0.8, 0.1, 0.1]),
        amplitude_contrast=rng.choice([0.1, 0.07], n),
        phase_shift=np.zeros(n),
    )


def ctf_images(
    parameters: CtfParameters, pixel_size: float, box: int, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """CTFs on the grid of an rfft2, positive at low frequency: white particles stay white.

    Same values and angles as RELION's CTF for white particles. torch-ctf gives NaN where
    defocus_u < defocus_v; the same CTF is asked for there with U and V exchanged and the angle
    turned by 90°.

    Parameters
    ----------
    parameters
        n of them.
    pixel_size
        Å.
    box
        Pixels.
    device
        Where to compute.

    Returns
    -------
    ctf : (n, box, box // 2 + 1) float32
    """

    def column(values: Array, scale: float = 1.0) -> torch.Tensor:
        return torch.as_tensor(values * scale, dtype=torch.float32, device=device)

    astigmatism = parameters.defocus_u - parameters.defocus_v
    ctf: torch.Tensor = calculate_ctf_2d(
        defocus=column(parameters.defocus_u + parameters.defocus_v, 0.5e-4),
        astigmatism=column(np.abs(astigmatism), 0.5e-4),
        astigmatism_angle=column(parameters.defocus_angle + 90 * (astigmatism < 0)),
        voltage=column(parameters.voltage),
        spherical_aberration=column(parameters.spherical_aberration),
        amplitude_contrast=column(parameters.amplitude_contrast),
        phase_shift=column(parameters.phase_shift),
        pixel_size=pixel_size,
        image_shape=(box, box),
        rfft=True,
        fftshift=False,
    )
    return ctf


def ctf_profiles(parameters: CtfParameters, frequencies: Array, pixel_size: float) -> Array2:
    """CTFs by frequency alone, at the mean of both defoci; the same sign as `ctf_images`.

    Parameters
    ----------
    parameters
        n of them.
    frequencies : (k,)
        Cycles per pixel.
    pixel_size
        Å.

    Returns
    -------
    ctf : (n, k) float64
        sin(π λ Δ s² - π/2 Cs λ³ s⁴ + asin(amplitude contrast) + phase shift).
    """
    per_defocus, rest = _phases(parameters, frequencies, pixel_size)
    defocus = (parameters.defocus_u + parameters.defocus_v)[:, None] / 2
    return np.asarray(np.sin(defocus * per_defocus + rest))


def polar_ctf(
    parameters: CtfParameters, frequencies: Array, angles: Array, pixel_size: float
) -> Array3:
    """CTFs on rings, with astigmatism; the same sign and angles as `ctf_images`.

    Parameters
    ----------
    parameters
        n of them.
    frequencies : (k,)
        Cycles per pixel.
    angles : (t,)
        Radians, from x towards y.
    pixel_size
        Å.

    Returns
    -------
    ctf : (n, k, t) float32
    """
    per_defocus, rest = (
        part.astype(np.float32) for part in _phases(parameters, frequencies, pixel_size)
    )
    mean = (parameters.defocus_u + parameters.defocus_v) / 2
    half = (parameters.defocus_u - parameters.defocus_v) / 2
    turned = 2 * (angles - np.radians(parameters.defocus_angle)[:, None])
    defocus = (mean[:, None] + half[:, None] * np.cos(turned)).astype(np.float32)
    return np.asarray(np.sin(defocus[:, None, :] * per_defocus[..., None] + rest[..., None]))


def _phases(
    parameters: CtfParameters, frequencies: Array, pixel_size: float
) -> tuple[Array2, Array2]:
    """Give the phase (n, k) for each Å of defocus, and what does not depend on the defocus."""
    volts = parameters.voltage[:, None] * 1e3
    wavelength = 12.2642596 / np.sqrt(volts * (1 + 0.978475598e-6 * volts))
    squared = (frequencies / pixel_size) ** 2
    aberration = parameters.spherical_aberration[:, None] * 1e7 * wavelength**3
    amplitude = np.arcsin(parameters.amplitude_contrast)[:, None]
    constant = amplitude + np.radians(parameters.phase_shift)[:, None]
    return np.pi * wavelength * squared, constant - np.pi / 2 * aberration * squared**2
