"""All inputs of a whole run, looked at before its first stage begins, and what follows from them.

A mistake is told here, not after an hour in the third stage.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...compute.device import choose_device
from ...compute.launched import refusal
from ...denoise.model_file import Model, load_model
from ...denoise.shipped import find_model
from ...errors import IceblockError
from ...images.output_plan import OutputPlan, plan_output
from ...images.particles import ParticleSet
from ...images.star.document import StarFile
from ...images.validation import validate
from ...segment.shipped import find_model as find_segmentation
from ...simulate.projection import VolumeTransform
from ...simulate.references import FILLED, read_reference
from ...wording import renamed, wording
from ..labelled import Labelled, gather
from ..noise.fallback import SMALLEST_BLOCK
from ..particle_inputs import read_given
from ..provenance import refuse_denoised
from ..train.geometry import choose_geometry
from ..train.options import TrainOptions
from .options import WholeOptions

PART_OF_BOX = 0.6
"""Particle diameter over box where nothing tells it: boxes are 1.5 to 2 times the particle."""
MASK = 1.2
"""Diameter of the mask over that of the particle: room for what lies off centre."""
_PLACES = ("_rlnMicrographName", "_rlnCoordinateX", "_rlnCoordinateY")


@dataclass(frozen=True)
class WholeInputs:
    """What a whole run works on."""

    particles: ParticleSet
    plan: OutputPlan
    model: Model
    """What is fine-tuned, and denoises where nothing better is learned."""
    device: torch.device
    segmentation: Path
    micrographs: tuple[Labelled, ...]
    picks: Path | None
    diameter: float
    """Å."""
    diameter_from: str
    mask_diameter: float | None
    """Å, of the mask about each particle that is classified; None where nothing tells it."""
    noise_box: int | None
    """Side of the noise blocks to be cut, pixels of the micrographs; None without micrographs."""
    to_be_tuned: bool
    """Whether there is all that fine-tuning needs, but for the noise blocks themselves."""
    remarks: tuple[str, ...]
    """What the user should know of the choices made."""


def look(options: WholeOptions) -> WholeInputs:
    """Read every input but the pixels of micrographs and particles, and settle what was left open.

    Raises
    ------
    IceblockError
        For anything that some stage would refuse.
    """
    options.check()
    instead = "give --gpu with the numbers of the GPUs to use several"
    if said := refusal(os.environ, "A whole run", instead):
        raise IceblockError(said)
    device = choose_device(f"cuda:{options.gpus()[0]}" if options.gpus() else options.one_device())
    model = load_model(find_model(options.model))
    segmentation = find_segmentation(options.segmentation)
    particles = read_given(options.particles, options)
    headers = validate(particles)
    refuse_denoised(particles, "name the raw particles; `iceblock restore` puts raw images back")
    plan = plan_output(particles, headers)
    box, pixel_size = _training_images(options, particles, model)
    across = _across(options.volumes, box, pixel_size)
    diameter, told_by = _diameter(options, across, box)
    picks = options.picks
    if picks is None and options.micrographs and has_places(options.particles):
        picks = options.particles
    micrographs: list[Labelled] = []
    noise_box = None
    if options.micrographs:
        with wording(renamed({"--pixel-size": "--micrograph-pixel-size"})):
            micrographs, _ = gather(options.micrographs, picks, None, options.micrograph_pixel_size)
        noise_box = options.noise_box or block_box(box / micrographs[0].micrograph.pixel_size)
    tuned = bool(options.volumes and micrographs)
    told = options.particle_diameter is not None or across is not None
    mask = round(MASK * diameter) if told else None
    return WholeInputs(
        particles, plan, model, device, segmentation, tuple(micrographs), picks, diameter, told_by,
        mask, noise_box, tuned, tuple(_remarks(options, model.card.name, picks)),
    )  # fmt: skip


def block_box(pixels: float) -> int:
    """Choose the box of noise blocks: that of the particles, even, in pixels of the micrographs."""
    # A block that is a pixel short would give its spectrum alone.
    return max(SMALLEST_BLOCK, 2 * int(-(-(pixels - 0.01) // 2)))


def has_places(particles: Path) -> bool:
    """Tell whether a metadata file of particles says where they are in which micrographs."""
    if particles.suffix.lower() != ".star":
        return False
    table = StarFile.read(particles).find("_rlnImageName")
    return table is not None and all(tag in table for tag in _PLACES)


def _training_images(
    options: WholeOptions, particles: ParticleSet, model: Model
) -> tuple[float, float]:
    """Side of the training images, which is that of most particles, and their pixel size, Å."""
    plain = TrainOptions(noise=(), out=options.out, particles=options.particles)
    geometry = choose_geometry(plain, particles, model.card, None)
    assert geometry.box is not None
    return geometry.box * geometry.pixel_size, geometry.pixel_size


def _across(volumes: Sequence[Path], box: float, pixel_size: float) -> float | None:
    """Give the diameter of the largest volume, Å; None without volumes."""
    across = []
    for path in volumes:
        volume, _ = read_reference(path, pixel_size)
        across.append(VolumeTransform(volume).diameter)
        if across[-1] > FILLED * box:
            raise IceblockError(
                f"Volume {path} is {across[-1]:.0f} Å across, and the particles' boxes are "
                f"{box:.0f} Å: correct its pixel size, name the volume of these particles, or "
                "leave it out."
            )
    return max(across, default=None)


def _diameter(options: WholeOptions, across: float | None, box: float) -> tuple[float, str]:
    """Settle the particle diameter (Å), and tell where it is from."""
    if options.particle_diameter is not None:
        return options.particle_diameter, "as you said"
    if across is not None:
        return round(across), "of the reference"
    return round(PART_OF_BOX * box), f"{PART_OF_BOX:g} of the particles' box"


def _remarks(options: WholeOptions, model: str, picks: Path | None) -> list[str]:
    """Say what is left out for want of an input."""
    remarks = []
    if options.micrographs and picks is None:
        remarks.append(
            "No picks, and the particles do not say where in the micrographs they are: the "
            "segmentation alone tells particles from ice."
        )
    if not options.micrographs:
        remarks.append(
            f"No micrographs: without noise of their own ice nothing is fine-tuned, and {model} "
            "denoises as it is."
        )
    elif not options.volumes:
        remarks.append(
            f"No reference volume: nothing is fine-tuned, and {model} denoises as it is; the noise "
            "blocks are cut to judge it by."
        )
    return remarks
