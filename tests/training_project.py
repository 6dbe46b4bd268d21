"""A folder with all that training needs, small enough for tests."""

from dataclasses import dataclass, replace
from pathlib import Path

import mrcfile
import numpy as np
import torch

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, save_model
from core.denoise.paper.losses import LossSettings
from core.denoise.training.presets import PRESETS
from core.noise.bank import OpticsGroup
from core.noise.bank_table import BankPart, write_bank
from core.simulate.phantoms import phantom

TINY = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)
CARD = ModelCard("tiny", 4.0, (0.01, 2.0), (3.7, 6.5), (48, 96), (5000.0, 35000.0), volumes=("x",))
PIXEL_SIZE, BOX = 6.0, 40
STAR = """data_optics

loop_
_rlnOpticsGroup #1
_rlnImagePixelSize #2
_rlnImageSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
1 {size} {box} 300 2.7 0.1

data_particles

loop_
_rlnImageName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
1@a.mrcs 1 12000 11900 10
2@a.mrcs 1 18000 17800 20
"""


@dataclass(frozen=True)
class TrainingProject:
    """Names of the files."""

    folder: Path
    bank: Path
    volume: Path
    particles: Path
    model: Path


def write_noise(
    folder: Path,
    micrographs: int = 3,
    each: int = 8,
    box: int = BOX,
    pixel_size: float = PIXEL_SIZE,
    spacing: float | None = None,
) -> Path:
    """Write a noise bank; its blocks lie `spacing` pixels apart, by default side by side."""
    rng = np.random.default_rng(box)
    parts = []
    for k in range(micrographs):
        along = (np.arange(each) + 0.5) * (box if spacing is None else spacing)
        parts.append(
            BankPart(
                micrographs=[f"Micrographs/mic{k:02d}.mrc"] * each,
                blocks=rng.standard_normal((each, box, box)).astype(np.float32),
                positions=np.stack([np.full(each, box / 2), along], axis=1),
                mean=np.zeros(each),
                sd=np.ones(each),
                sources=["real"] * each,
                groups=[0] * each,
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_bank(folder, iter(parts), micrographs * each, box, [OpticsGroup(pixel_size)])
    return folder


def write_volume(path: Path, sign: float = 1.0, pixel_size: float = PIXEL_SIZE) -> Path:
    data = sign * phantom(0, PIXEL_SIZE, (90, 110)).data
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(data.astype(np.float32))
        file.voxel_size = pixel_size
    return path


def write_project(folder: Path) -> TrainingProject:
    torch.manual_seed(0)
    model = folder / "tiny.safetensors"
    save_model(model, Generator(TINY), CARD)
    particles = folder / "particles.star"
    particles.write_text(STAR.format(size=PIXEL_SIZE, box=BOX))
    return TrainingProject(
        folder,
        write_noise(folder / "Noise"),
        write_volume(folder / "volume.mrc"),
        particles,
        model,
    )


def tiny_preset(**loss: object) -> object:
    """Give a preset to put in the place of a real one."""
    default = PRESETS["default"]
    training = replace(default.training, steps=4, batch=4, validate_every=2, record_every=1)
    return replace(default, generator=TINY, loss=LossSettings(**loss), training=training)
