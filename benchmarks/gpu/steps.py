"""The steps one after another, as far as the time goes."""

from __future__ import annotations

import json
import time
import warnings
from typing import TYPE_CHECKING

import torch
from two_models import table

from . import agreement, losses, speed, training
from .material import Material
from .sizes import FULL, TINY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPARE = 30.0
"""Seconds that a call keeps for its last words: scores of the model, pieces of the checkpoint."""


def work_off(
    steps: Sequence[str],
    package: Path | None,
    work: Path,
    out: Path,
    device_name: str,
    until: float,
    topaz_command: str | None = None,
) -> None:
    """Do what is not done yet.

    Parameters
    ----------
    steps
        Some of them.
    package
        None for tiny sizes, without data.
    work, out
        Folders; `out` holds what is done.
    device_name
        cuda or cpu.
    until
        Moment of `time.monotonic` at which to end.
    topaz_command
        That starts topaz-em.
    """
    warnings.simplefilter("ignore")
    device, sizes = torch.device(device_name), TINY if package is None else FULL
    material = Material(package)
    if device.type == "cuda":
        print(torch.cuda.get_device_name(device), torch.__version__, flush=True)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    if "agreement" in steps and not (out / "agreement.json").is_file():
        agreement.compare(material, sizes, device, work, out)
    if "speed" in steps and not (out / "speed.json").is_file():
        print(json.dumps(speed.measure(material, sizes, device, topaz_command, out), indent=1))
    end = until - (SPARE if package else 0)
    if "training" in steps and not _trained(out):
        compile_it = device.type == "cuda" and speed.compile_pays(out)
        result = training.train(material, sizes, device, work, out, end, compile_it)
        (out / "training.json").write_text(json.dumps(result, indent=1))
        print(json.dumps(result), flush=True)
    if "score" in steps and (out / "model.safetensors").is_file() and _trained(out):
        print("\n".join(table(training.score(material, device, out))), flush=True)
    if "ablation" in steps and _trained(out) and time.monotonic() < end:
        losses.ablate(material, sizes, device, work, out, end)


def _trained(out: Path) -> bool:
    """Whether the training is over."""
    path = out / "training.json"
    return path.is_file() and bool(json.loads(path.read_text())["over"])
