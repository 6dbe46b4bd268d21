"""A small RELION project on disk: simulated micrographs, their CTFs and picks, the particles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import torch

from ..images.mrc.writer import StackWriter
from ..noise.source import SpectrumNoise
from ..signal.background import ring_statistics
from ..signal.ctf import CtfParameters
from ..signal.spectrum import ice_like_power
from .micrographs import particles_in_place, scatter
from .phantoms import phantom
from .project_contents import (
    AMPLITUDE_CONTRAST,
    SPHERICAL_ABERRATION,
    VOLTAGE,
    ProjectSettings,
    SimulatedMicrograph,
)
from .project_tables import write_tables
from .projection import VolumeTransform
from .volumes import Volume

ICE = (1000.0, 40.0)
"""Grey value of the ice and its standard deviation."""


def write_project(
    folder: Path, settings: ProjectSettings, watch: Callable[[int], object] = lambda done: None
) -> int:
    """Write a project with the jobs MotionCorr, CtfFind, AutoPick, Extract and InitialModel.

    Parameters
    ----------
    folder
        Gets the project: see `project_tables.write_tables` for its STAR files. The same settings
        give the same files, if torch has one thread (`threads.one_thread_each`).
    settings
        What the project holds.
    watch
        Called with the number of micrographs done since the last call.

    Returns
    -------
    particles
        How many there are in all.
    """
    rng = np.random.default_rng(settings.seed)
    density = phantom(settings.seed, settings.pixel_size, settings.diameter)
    volume = VolumeTransform(density)
    noise = SpectrumNoise(ice_like_power(), variation=0.0)
    done = []
    for number in range(1, settings.micrographs + 1):
        places = _places(settings, volume.diameter, rng)
        micrograph = SimulatedMicrograph(number, _ctf(settings, rng), places)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        pixels = noise.draw(1, settings.side, generator)[0].numpy()
        pixels = pixels + particles_in_place(
            settings.side, volume, places.astype(float), micrograph.ctf, settings.snr, rng
        )
        _write_image(folder / micrograph.name, ICE[0] + ICE[1] * pixels, settings.pixel_size)
        _extract(folder / micrograph.stack, pixels, places, settings)
        done.append(micrograph)
        watch(1)
    _write_map(folder / "InitialModel/job012/initial_model.mrc", density, settings)
    write_tables(folder, done, settings)
    return sum(len(one.places) for one in done)


def _places(
    settings: ProjectSettings, diameter: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Give places about which a whole box fits."""
    half = settings.box // 2
    distance = 1.1 * diameter / settings.pixel_size
    places = scatter(settings.side - settings.box, distance, settings.tried, rng)
    return np.rint(places).astype(np.int64) + half


def _ctf(settings: ProjectSettings, rng: np.random.Generator) -> CtfParameters:
    defocus = rng.uniform(*settings.defocus, 1)
    return CtfParameters(
        defocus_u=defocus + 100,
        defocus_v=defocus - 100,
        defocus_angle=rng.uniform(0, 180, 1),
        voltage=np.array([VOLTAGE]),
        spherical_aberration=np.array([SPHERICAL_ABERRATION]),
        amplitude_contrast=np.array([AMPLITUDE_CONTRAST]),
        phase_shift=np.zeros(1),
    )


def _extract(
    path: Path,
    pixels: npt.NDArray[np.float32],
    places: npt.NDArray[np.int64],
    settings: ProjectSettings,
) -> None:
    """Cut particles out as RELION does: white, with a background of mean 0 and sd 1."""
    half = settings.box // 2
    boxes = [-pixels[y - half : y + half, x - half : x + half] for y, x in places]
    images = torch.from_numpy(np.stack(boxes))
    mean, sd = ring_statistics(images)
    with StackWriter(path, len(images), settings.box, settings.pixel_size) as stack:
        stack.append(((images - mean) / sd).numpy())


def _write_map(path: Path, density: Volume, settings: ProjectSettings) -> None:
    """Write the particle as a first 3D model would show it: at a low resolution, in its box."""
    coarse = phantom(settings.seed, settings.pixel_size, settings.diameter, resolution=20.0)
    half, centre = settings.box // 2, density.box // 2
    reach = min(half, coarse.box // 2, centre)
    data = np.zeros((settings.box,) * 3, dtype=np.float32)
    inner = slice(half - reach, half + reach)
    middle = slice(coarse.box // 2 - reach, coarse.box // 2 + reach)
    data[inner, inner, inner] = coarse.data[middle, middle, middle]
    _write_image(path, data, settings.pixel_size)


def _write_image(path: Path, pixels: npt.NDArray[np.floating], pixel_size: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path) as file:
        file.set_data(pixels.astype(np.float32))
        file.voxel_size = pixel_size
        file.header.label[0] = b"iceblock demo, simulated"  # the library's own holds the date
