"""Each path that may use a GPU, beside the same on the CPU."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import torch
from particle_sets import Scene, make_particles

from core.compute.distributed import ALONE
from core.denoise.generator import Generator
from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model, save_model
from core.denoise.paper.losses import pixel_error
from core.denoise.set_learning import learn_set
from core.denoise.shipped import DEFAULT, find_model
from core.denoise.training.batches import Batch, draw_batch
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer, Watcher
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run

from .training import LOSS, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.denoise.model_file import Model
    from core.signal.ctf import CtfParameters

    from .material import Material
    from .sizes import Sizes

CPU = torch.device("cpu")
ROUNDING = 0.02
"""bfloat16 has 8 bits; the part of the images' norm by which two devices may differ."""


@dataclass(frozen=True)
class Check:
    """One comparison."""

    name: str
    figure: float
    bar: float
    """The figure may be at most this."""

    @property
    def passed(self) -> bool:
        """Whether it is."""
        return self.figure <= self.bar


def compare(
    material: Material, sizes: Sizes, device: torch.device, work: Path, out: Path
) -> list[Check]:
    """Make all comparisons; `out` gets agreement.json."""
    found = []
    parts = [_images, _pairs, _training]
    if sizes.timed is not None:  # whole runs
        parts.append(_command)
    for part in parts:
        for check in part(material, sizes, device, work):
            found.append(check)
            words = "passed" if check.passed else "FAILED"
            print(f"{words}: {check.name}: {check.figure:.2g} (at most {check.bar:g})", flush=True)
    (out / "agreement.json").write_text(json.dumps([asdict(c) for c in found], indent=1))
    return found


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / max(1e-12, float(np.linalg.norm(other))))


def _images(material: Material, sizes: Sizes, device: torch.device, work: Path) -> Iterator[Check]:
    """Compare denoised arrays: alone, in a set, with confidences, compiled, in other batches."""
    for box, size in sizes.geometries:
        raw, ctf = _particles(box, size, sizes.compared)
        name = f"box {box}"
        model = _model(sizes, work)
        here, there = Denoiser(model, CPU), Denoiser(model, device)
        wanted, given = here(raw, size, ctf=ctf)[0], there(raw, size, ctf=ctf)[0]
        yield Check(f"{name}, each alone", _apart(given, wanted), ROUNDING)
        again = there(raw, size, ctf=ctf)[0]
        yield Check(f"{name}, the same bytes again", float((again != given).any()), 0.0)
        third = len(raw) // 3
        parts = [
            there(part, size, ctf=ctf.take(rows))[0]
            for rows in np.split(np.arange(len(raw)), [1, third])
            for part in [np.ascontiguousarray(raw[rows])]
        ]
        yield Check(f"{name}, in other batches", _apart(np.concatenate(parts), given), 1e-3)
        trust = [d.answer(raw, size, ctf=ctf, confidence=True).confidence for d in (here, there)]
        yield Check(f"{name}, confidence", float(np.abs(trust[0] - trust[1]).max()), 0.05)
        if box == sizes.geometries[0][0]:
            crowd, theirs = _particles(box, size, 150)
            sets = learn_set(here, crowd, size, theirs)
            inside = [Denoiser(model, d, sets=sets)(raw, size, ctf=ctf)[0] for d in (CPU, device)]
            yield Check(f"{name}, in a set", _apart(inside[1], inside[0]), ROUNDING)
            if device.type == "cuda":
                fast = Denoiser(model, device, fast=True)(raw, size, ctf=ctf)[0]
                yield Check(f"{name}, compiled", _apart(fast, given), ROUNDING)


def _model(sizes: Sizes, work: Path) -> Model:
    """Give the shipped model, whose network is copied to each device; in a test a tiny one."""
    if sizes.timed is not None:
        return load_model(find_model(DEFAULT))
    torch.manual_seed(0)
    path = work / "tiny.safetensors"
    save_model(path, Generator(sizes.network), load_model(find_model(DEFAULT)).card)
    return load_model(path)


def _particles(box: int, pixel_size: float, n: int) -> tuple[np.ndarray, CtfParameters]:
    """Give noisy particles, the same everywhere, and their CTFs."""
    rng = np.random.default_rng(5)
    clean, ctf = Scene(box, pixel_size, rng).draw(n)
    return rng.standard_normal(clean.shape, dtype=np.float32) + clean.numpy(), ctf


def _command(material: Material, sizes: Sizes, device: torch.device, work: Path) -> Iterator[Check]:
    """Compare what the command writes, on one and on two GPUs."""
    folder = work / "command"
    folder.mkdir(parents=True, exist_ok=True)
    star = make_particles(folder, max(sizes.compared, 12), 64, 5.36, stacks=3)
    wanted = _written(star, folder / "cpu", "cpu")
    given = _written(star, folder / "device", device.type)
    yield Check("the command", _apart(given, wanted), ROUNDING)
    if device.type == "cuda" and torch.cuda.device_count() > 1:
        both = _written(star, folder / "both", "auto", "0,1")
        yield Check("the command on two GPUs, the same bytes", float((both != given).any()), 0.0)


def _written(star: Path, out: Path, device: str, gpu: str | None = None) -> np.ndarray:
    """Denoise as `iceblock denoise` does, and give the images."""
    run(DenoiseOptions(star, out, device=device, gpu=gpu, contrast="white", overwrite=True))
    return np.concatenate([mrcfile.read(path) for path in sorted(out.rglob("*.mrcs"))])


def _pairs(material: Material, sizes: Sizes, device: torch.device, work: Path) -> Iterator[Check]:
    """Compare clean images of the same seed; their noise comes from each device's own numbers."""
    drawn = [
        material.pairs(place, settings(sizes), most=4).draw(
            4 * sizes.group, sizes.boxes[-1], np.random.default_rng(1), _numbers(place)
        )
        for place in (CPU, device)
    ]
    clean = [(p.clean / p.clean.std(dim=(1, 2), keepdim=True)).cpu().numpy() for p in drawn]
    yield Check("training pairs, particles", _apart(clean[1], clean[0]), 0.01)
    power = [float(p.noisy.var(dim=(1, 2)).median()) for p in drawn]
    yield Check("training pairs, noise", abs(power[1] / power[0] - 1), 0.1)


def _numbers(device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(1)


def _training(
    material: Material, sizes: Sizes, device: torch.device, work: Path
) -> Iterator[Check]:
    """Compare one step's loss on the same images, and see that it falls."""
    pairs = material.pairs(device, settings(sizes), most=4)
    steps = 10 * sizes.trials
    config = sizes.training(steps=steps, seconds=None, record_every=steps, warmup=5)
    trainer = Trainer(Preset(sizes.network, LOSS, config), pairs, work / "steps")
    batch = draw_batch(pairs, config, 0, ALONE, reads_ctf=sizes.network.reads_ctf)
    losses = []
    for place in (CPU, device):
        network = copy.deepcopy(trainer.learner.generator).to(place)
        there = Batch(**{name: value.to(place) for name, value in vars(batch).items()})
        with torch.inference_mode(), torch.autocast(place.type, torch.bfloat16):
            output = network(there.noisy)
        answer = there.answer(output)[:, 0]
        losses.append(float(pixel_error(answer, there.clean, there.snr, LOSS)))
    yield Check("loss of the same images", abs(losses[1] / losses[0] - 1), ROUNDING)
    seen: list[float] = []

    class Keep(Watcher):
        def record(self, row: dict[str, float]) -> None:
            seen.append(row["loss"])

    trainer.run(Keep())
    yield Check("loss after some training, over the first", seen[-1] / losses[1], 1.0)
