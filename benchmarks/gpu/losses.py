"""The ablation with large batches: which losses and which depth, each trained equally long."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ablation import rows
from training_data import SCORED

from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer, Watcher
from core.errors import IceblockError

from .training import settings

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from ablation import Row

    from core.denoise.network import DenoisingNetwork
    from core.denoise.training.held_out import HeldOut
    from core.simulate.pairs import PairGenerator

    from .material import Material
    from .sizes import Sizes

Scores = dict[str, dict[str, float]]
NOT_HERE = ("trained on white noise",)
"""Rows of other questions."""


def ablate(
    material: Material, sizes: Sizes, device: torch.device, work: Path, out: Path, until: float
) -> bool:
    """Train and score one row after another until a moment of `time.monotonic`.

    Rows that are done are kept in `out`; returns whether all are.
    """
    kept = out / "ablation.json"
    done: dict[str, Scores] = json.loads(kept.read_text()) if kept.is_file() else {}
    named = {n: r for n, r in rows().items() if not any(word in n for word in NOT_HERE)}
    wanted = dict(list(named.items())[: sizes.trainings])
    pairs = material.pairs(device, settings(sizes))
    scored = material.scored(device)
    for name, row in wanted.items():
        if name in done:
            continue
        if time.monotonic() + sizes.ablation_seconds > until:
            return False
        folder = work / "ablation" / "".join(c if c.isalnum() else "_" for c in name)
        try:
            network = _trained(row, sizes, pairs, folder)
        except IceblockError as error:  # weights that only the user has
            print(error, flush=True)
            continue
        done[name] = {key: _scores(network, held) for key, held in scored.items()}
        kept.write_text(json.dumps(done, indent=1))
        print(table({name: done[name]}), flush=True)
    return True


def _trained(row: Row, sizes: Sizes, pairs: PairGenerator, folder: Path) -> DenoisingNetwork:
    """Train one network for as long as every other."""
    network = replace(row.network, reads_ctf=sizes.network.reads_ctf)
    if sizes.network.residual_blocks == 1:  # a test
        network = replace(sizes.network, residual_blocks=min(2, row.network.residual_blocks))
    config = sizes.training(
        seconds=sizes.ablation_seconds or None, warmup=100, ema=0.99, learning_rate=row.rate,
        validate_every=1 << 30, checkpoint_seconds=1e9,
    )  # fmt: skip
    trainer = Trainer(Preset(network, row.loss, config), pairs, folder)
    return trainer.run(Watcher())


def _scores(network: DenoisingNetwork, held_out: HeldOut) -> dict[str, float]:
    found = held_out.correlations(held_out.denoised(network, bf16=True))
    return {f"{snr:g}": round(value, 4) for snr, value in found.items() if snr in SCORED}


def table(found: dict[str, Scores]) -> str:
    """Give rows as Markdown."""
    columns = [(key, snr) for key, scores in next(iter(found.values())).items() for snr in scores]
    lines = [f"| | {' | '.join(f'{key}, {snr}' for key, snr in columns)} |"]
    lines.append("|---" * (1 + len(columns)) + "|")
    for name, row in found.items():
        lines.append(f"| {name} | {' | '.join(f'{row[k][s]:.3f}' for k, s in columns)} |")
    return "\n".join(lines)
