"""Train and score the model that ships.

    python benchmarks/shipped_model.py DATA WORK --steps 6000 --threads 2

DATA holds models/*.pdb.gz and projects/* (RELION-style projects with Micrographs and AutoPick);
WORK takes checkpoints and is picked up again when it holds some. Held out of training and used for
scores only: the structures in HELD_OUT and the last micrograph of every project.
"""

from __future__ import annotations

import copy
import json
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import click
import mrcfile
import numpy as np
import starfile
import torch

from core.denoise.generator import PRESETS, Generator
from core.denoise.model_file import ModelCard, load_model, save_model
from core.denoise.training import Trainer, TrainingConfig
from core.evaluate.metrics import masked_correlation, widen, wiener_filter
from core.images.fourier import fourier_resize
from core.noise.cutter import cut_blocks
from core.noise.source import BlockNoise, MixedNoise, SpectrumNoise
from core.noise.spectrum import radial_power
from core.simulate.atomic_models import (
    chain_names,
    density_of_model,
    nearest_chains,
    read_model,
    subset,
)
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform
from core.simulate.volumes import read_volume

warnings.simplefilter("ignore")

STRUCTURES = ["70S_grp0", "1aon_GroEL-ES", "1oel_GroEL", "4hhb_hemoglobin"]
HELD_OUT = ["3j5p_TRPV1", "5a1a_bgal"]
PROJECTS = {  # particle diameter (Å), noise blocks (pixels), working pixel size (Å)
    "empiar10028_80S": (300, (72, 96), 5.36),
    "empiar10059_trpv1": (150, (32,), 4.4042),
    "empiar10146_apoferritin": (140, (24,), 4.0),
}
PIXEL_SIZES = (3.7, 5.5)
BOXES = (48, 64, 80, 96)


def structures(data: Path, names: list[str]) -> list[Path]:
    """Give the files of atomic models."""
    return [data / "models" / f"{n}.pdb.gz" for n in names]


def training_volumes(data: Path, seed: int) -> list[VolumeTransform]:
    """Whole structures, compact sub-complexes and phantoms at pixel sizes about 4 Å."""
    rng = np.random.default_rng(seed)
    volumes = []
    for path in structures(data, STRUCTURES):
        model = read_model(path)
        chains = chain_names(model)
        parts = [model] * 4
        for _ in range(8):
            count = int(rng.integers(1, len(chains)))
            parts.append(subset(model, nearest_chains(model, str(rng.choice(chains)), count)))
        for part in parts:
            pixel_size = float(rng.uniform(*PIXEL_SIZES))
            resolution = float(rng.uniform(2.0, 3.0)) * pixel_size
            volumes.append(VolumeTransform(density_of_model(part, pixel_size, resolution)))
    for k in range(48):
        pixel_size = float(rng.uniform(*PIXEL_SIZES))
        volumes.append(VolumeTransform(phantom(1000 + k, pixel_size, (80, 330))))
    return [v for v in volumes if v.diameter > 40]


def micrograph_blocks(data: Path, project: str, box: int, held_out: bool) -> list[torch.Tensor]:
    """Noise blocks of a project's micrographs (all but the last, or the last), one array each."""
    diameter, _, working = PROJECTS[project]
    paths = sorted((data / "projects" / project / "Micrographs").glob("*.mrc"))
    result = []
    for path in paths[-1:] if held_out else paths[:-1]:
        with mrcfile.open(path, permissive=True) as file:
            image = np.asarray(file.data, dtype=np.float32)
            pixel_size = float(file.voxel_size.x)
        picks = data / "projects" / project / "AutoPick/job002/Micrographs"
        table = starfile.read(picks / f"{path.stem}_autopick.star")
        centres = table[["rlnCoordinateY", "rlnCoordinateX"]].to_numpy(dtype=float)
        if pixel_size < 0.95 * working:
            edge = min(image.shape)
            new = round(edge * pixel_size / working)
            small = fourier_resize(torch.from_numpy(image[:edge, :edge].copy())[None], new)
            image, centres = small[0].numpy(), centres * new / edge
            pixel_size *= edge / new
        blocks, _ = cut_blocks(image, pixel_size, centres, diameter, box)
        if len(blocks):
            result.append(torch.from_numpy(blocks))
    return result


def noise_source(data: Path, held_out: bool) -> MixedNoise:
    """Real 80S ice in blocks, and spectra of all three projects and of white noise."""
    blocks = {
        (p, box): micrograph_blocks(data, p, box, held_out)
        for p, (_, boxes, _) in PROJECTS.items()
        for box in boxes
    }
    for key, parts in blocks.items():
        print(*key, "blocks a micrograph:", [len(b) for b in parts], flush=True)
    real = [torch.cat(parts) for (_, box), parts in blocks.items() if box > 48]
    spectra = [radial_power(b, 33).mean(0) for parts in blocks.values() for b in parts]
    power = torch.stack([s / s.mean() for s in spectra] + [torch.ones(33)] * (not held_out))
    spectrum = SpectrumNoise(power, variation=0.0 if held_out else 0.3)
    sources = [BlockNoise(b / b.std(dim=(1, 2), keepdim=True)) for b in real]
    return MixedNoise([*sources, spectrum], [0.45, 0.15, 0.4])


def held_out_sets(data: Path, box: int = 64, pixel_size: float = 5.36, n: int = 128):
    """Pairs of held-out structures and held-out noise at fixed SNRs."""
    volumes = [VolumeTransform(read_volume(p, pixel_size)) for p in structures(data, HELD_OUT)]
    noise = noise_source(data, held_out=True)
    sets = {}
    for snr in (0.5, 0.1, 0.05, 0.02):
        settings = PairSettings(snr_range=(snr, snr), neighbour_rate=0.0, shift_sd=4.0)
        generator = torch.Generator().manual_seed(7)
        pairs = PairGenerator(volumes, noise, settings)
        sets[snr] = pairs.draw(n, box, np.random.default_rng(7), generator)
    return sets


def correlations(images, sets, mask=lambda m: m) -> dict[str, float]:
    """Mean correlation with the truth inside the mask at each SNR."""
    return {
        f"correlation_{snr:g}": round(
            float(masked_correlation(images[snr], p.clean, mask(p.mask)).mean()), 4
        )
        for snr, p in sets.items()
    }


def outputs(net: Generator, sets) -> dict[float, torch.Tensor]:
    """Denoise the held-out sets."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        return {snr: net(p.noisy[:, None])[:, 0].float() for snr, p in sets.items()}


def score(net: Generator, sets) -> dict[str, float]:
    """Mean correlation inside the tight mask, for the validations of a training run."""
    return correlations(outputs(net, sets), sets)


def trivial_methods(sets, mask=lambda m: m) -> dict[str, dict[float, torch.Tensor]]:
    """Zero image, raw images, the best of six Gaussians at each SNR, the oracle Wiener filter."""
    frequency2 = torch.linspace(0, 0.5, 33).square()
    gains = [torch.exp(-frequency2 * 2 * (np.pi * s) ** 2) for s in (0.5, 1, 1.5, 2, 3, 4)]
    rows: dict[str, dict[float, torch.Tensor]] = {
        name: {} for name in ("zero", "raw", "low-pass", "oracle Wiener")
    }
    for snr, p in sets.items():
        rows["zero"][snr] = torch.zeros_like(p.noisy)
        rows["raw"][snr] = p.noisy
        low = [wiener_filter(p.noisy, g, 1 - g) for g in gains]
        quality = [float(masked_correlation(x, p.clean, mask(p.mask)).mean()) for x in low]
        rows["low-pass"][snr] = low[int(np.argmax(quality))]
        signal, noise = radial_power(p.clean, 33), radial_power(p.noisy - p.clean, 33)
        rows["oracle Wiener"][snr] = wiener_filter(p.noisy, signal, noise)
    return rows


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--steps", default=6000)
@click.option("--threads", default=2)
@click.option("--seed", default=1)
@click.option("--validate-every", default=250)
def main(data: Path, work: Path, steps: int, threads: int, seed: int, validate_every: int) -> None:
    """Train, score, and write WORK/iceblock-4A.safetensors."""
    torch.set_num_threads(threads)
    sets = held_out_sets(data)
    volumes = training_volumes(data, seed)
    print(len(volumes), "volumes", flush=True)
    settings = PairSettings(snr_range=(0.01, 2.0), neighbour_rate=0.3, group=2)
    config = TrainingConfig(
        steps=steps,
        batch=32,
        boxes=BOXES,
        learning_rate=8e-4,
        seed=seed,
        validate_every=validate_every,
    )
    pairs = PairGenerator(volumes, noise_source(data, held_out=False), settings)
    trainer = Trainer(PRESETS["default"], config, pairs, work, score=lambda g: score(g, sets))
    begin, first = time.monotonic(), trainer.step

    def report(step: int, loss: float) -> None:
        if step % 50 == 0:
            rate = (step - first) / (time.monotonic() - begin)
            print(f"step {step}/{steps} loss {loss:.4f} {rate:.2f} steps/s", flush=True)

    ship(trainer.run(report), sets, config, settings, work)


def ship(
    net: Generator,
    sets,
    config: TrainingConfig,
    settings: PairSettings,
    work: Path,
) -> None:
    """Write the model file with its card; the score is that of the weights as they are stored."""
    path = work / "iceblock-4A.safetensors"
    rounded = copy.deepcopy(net).half().float()

    def margin(mask: torch.Tensor) -> torch.Tensor:
        return widen(mask, 3)  # 16 Å

    ours = {"this model": outputs(rounded, sets)}
    tight, wide = (ours | trivial_methods(sets, mask) for mask in (lambda m: m, margin))
    scores = {
        "held_out": [*HELD_OUT, "last micrograph of each project"],
        "box": 64,
        "pixel_size": 5.36,
        **{name: correlations(images, sets) for name, images in tight.items()},
        **{
            f"{name}, mask + 16 Å": correlations(images, sets, margin)
            for name, images in wide.items()
        },
    }
    card = ModelCard(
        name="iceblock-4A",
        working_pixel_size=4.0,
        snr_range=settings.snr_range,
        pixel_size_range=PIXEL_SIZES,
        box_range=(BOXES[0], BOXES[-1]),
        defocus_range=settings.defocus_range,
        volumes=(*STRUCTURES, "their sub-complexes", "48 phantoms"),
        noise=(*(f"{p} (all but the last micrograph)" for p in PROJECTS), "white"),
        training={
            **asdict(config),
            "loss": "squared error / (SNR + 0.01)",
            "torch": torch.__version__,
        },
        scores=scores,
    )
    save_model(path, net, card, half=True)
    print(json.dumps(load_model(path).card.scores, indent=1))


if __name__ == "__main__":
    sys.exit(main())
