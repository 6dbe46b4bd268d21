"""What a set of noisy particles teaches, by its size.

    python benchmarks/sets.py DATA WORK --append

Held-out structures and noise (training_data.py). A set of each size is drawn beside the scored
images; its mean and covariance are learned from the noisy images, and the scored ones are denoised
by the best linear estimate alone, and mixed with the network's answer as `iceblock denoise` does.
The score is the mean correlation with the truth inside the particle mask, in which the SNR holds.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import click
import numpy as np
import torch
from results import record
from shipped_model import SETS
from training_data import (
    MARGINS,
    TEST,
    VALIDATION,
    fine_noise,
    held_out_sets,
    noise_source,
    settings_at,
    structure_file,
)

from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.set_learning import learn_set, linear_estimate
from core.denoise.shipped import DEFAULT, find_model
from core.signal.agreement import masked_correlation
from core.signal.ctf import CtfParameters, joined
from core.signal.filters import oracle_wiener
from core.simulate.pairs import PairGenerator, Pairs
from core.simulate.projection import VolumeTransform
from core.simulate.volumes import read_volume

warnings.simplefilter("ignore")

SIZES = (128, 500, 2000, 8000)
SNRS = (0.5, 0.1, 0.05)
_BATCH = 32


def crowd(generator: PairGenerator, box: int, n: int) -> tuple[torch.Tensor, CtfParameters]:
    """Draw n noisy images of the same set as the scored ones, and their CTFs."""
    rng, noise = np.random.default_rng(11), torch.Generator().manual_seed(11)
    parts = [generator.draw(min(250, n - k), box, rng, noise) for k in range(0, n, 250)]
    return torch.cat([part.noisy for part in parts]), joined([part.ctf for part in parts])


class Bench:
    """Scores on one set of images.

    Parameters
    ----------
    denoiser
        That knows no set.
    pairs, pixel_size
        The scored images; Å.
    """

    def __init__(self, denoiser: Denoiser, pairs: Pairs, pixel_size: float) -> None:
        self.denoiser, self.pairs, self.pixel_size = denoiser, pairs, pixel_size

    def score(self, images: torch.Tensor) -> float:
        """Mean correlation with the truth."""
        return float(masked_correlation(images, self.pairs.clean, self.pairs.mask).mean())

    def alone(self) -> float:
        """Score the network by itself."""
        return self._denoised(self.denoiser)

    def in_set(self, images: torch.Tensor, ctf: CtfParameters) -> tuple[float, float]:
        """Score the linear estimate of a set, and its mixture with the network."""
        model = self.denoiser.model
        working = model.card.working_pixel_size
        sets = learn_set(self.denoiser, images.numpy(), self.pixel_size, ctf)
        if not sets:
            return 0.0, self.alone()
        ((_, known),) = sets.items()
        pairs = self.pairs
        linear = linear_estimate(pairs.noisy, self.pixel_size, pairs.ctf, known.prior, working)
        mixed = Denoiser(model, self.denoiser.device, sets=sets)
        return self.score(linear), self._denoised(mixed)

    def _denoised(self, denoiser: Denoiser) -> float:
        noisy, ctf = self.pairs.noisy.numpy(), self.pairs.ctf
        rows = [np.arange(k, min(k + _BATCH, len(noisy))) for k in range(0, len(noisy), _BATCH)]
        parts = [denoiser(noisy[r], self.pixel_size, 1, ctf.take(r))[0] for r in rows]
        return self.score(torch.from_numpy(np.concatenate(parts)))


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--model", default=DEFAULT, show_default=True, help="A name, or a file.")
@click.option("--set", "name", type=click.Choice(list(SETS)), default=next(iter(SETS)))
@click.option("--size", "sizes", multiple=True, default=SIZES, help="Images of a set.")
@click.option("--threads", default=1, show_default=True)
@click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
def main(
    data: Path,
    work: Path,
    model: str,
    name: str,
    sizes: tuple[int, ...],
    threads: int,
    append: bool,
) -> None:
    """Print a table."""
    torch.set_num_threads(threads)
    device = torch.device("cpu")
    denoiser = Denoiser(load_model(find_model(model), device), device)
    box, pixel_size = SETS[name]
    fine = pixel_size < 3
    noise = fine_noise(data, work, pixel_size) if fine else noise_source(data, work, held_out=True)
    sizes = tuple(sorted(sizes))
    heads = ["structure", "mask", "SNR", "oracle Wiener", "each alone"]
    heads += [f"{kind}, {size:,}" for size in sizes for kind in ("linear", "set")]
    heads += ["largest set over Wiener"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for structure in (VALIDATION, TEST):
        volume = VolumeTransform(read_volume(structure_file(data, structure), pixel_size))
        for mask, margin in MARGINS.items():
            held = held_out_sets(data, work, structure, box, pixel_size, margin=margin, snrs=SNRS)
            for snr, pairs in held.sets.items():
                bench = Bench(denoiser, pairs, pixel_size)
                generator = PairGenerator([volume], noise, settings_at(snr, margin))
                images, ctf = crowd(generator, box, sizes[-1])
                wiener = bench.score(oracle_wiener(pairs.noisy, pairs.clean))
                values = [wiener, bench.alone()]
                for size in sizes:
                    values += bench.in_set(images[:size], ctf.take(np.arange(size)))
                cells = [structure, mask, f"{snr:g}", *(f"{value:.3f}" for value in values)]
                lines.append(f"| {' | '.join(cells)} | {values[-1] / wiener:.2f} |")
                print(lines[-1], flush=True)
    record(f"Sets by their size, {name}", lines, append)


if __name__ == "__main__":
    main()
