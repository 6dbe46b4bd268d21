"""Whether the confidence of a result that learned from its set tells how good it is.

    python benchmarks/set_confidence.py DATA WORK --append

Sets of one structure each, a part of them empty ice, of structures and noise that no model was
trained with. Each is learned as `iceblock denoise` does. The confidence of further images of the
set is compared with their true correlation, in the circle that the set itself chose, in groups of
rising confidence. Spearman's rank correlation of both is given beside that of the confidence which
--each-alone tells (`confidence.py`), and the chance that a particle has more confidence than a
picture of empty ice.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import click
import numpy as np
import torch
from confidence import rank_correlation
from evidence import BOX, PIXEL_SIZE, STRUCTURES, volume
from results import record
from training_data import MARGINS, noise_source, settings_at

from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.set_learning import learn_set
from core.denoise.shipped import DEFAULT, find_model
from core.sets.stacking.region import Region, circle
from core.signal.background import ring_statistics
from core.signal.ctf import CtfParameters, joined
from core.simulate.pairs import PairGenerator

warnings.simplefilter("ignore")

SNRS = (0.5, 0.1)
GROUPS = 6
HEADS = (
    "structure", "SNR", "told", "true", "largest difference", "rank correlation",
    "turned copies", "over empty ice", "told, true in groups",
)  # fmt: skip

Set = tuple[torch.Tensor, torch.Tensor, CtfParameters]


def drawn(generator: PairGenerator, n: int, empty: float, seed: int) -> Set:
    """Draw noisy and clean images (n, box, box) of a set, and CTFs; some show nothing."""
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    parts = [generator.draw(min(250, n - k), BOX, rng, noise) for k in range(0, n, 250)]
    noisy, clean = (torch.cat([getattr(p, name) for p in parts]) for name in ("noisy", "clean"))
    rows = torch.from_numpy(np.flatnonzero(rng.random(n) < empty))
    bare = generator.noise.draw(len(rows), BOX, noise)
    mean, sd = ring_statistics(bare)
    noisy[rows], clean[rows] = (bare - mean) / sd, 0.0
    return noisy, clean, joined([part.ctf for part in parts])


def correlations(region: Region, images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Correlate each image with its truth in a region."""
    one, other = region.inside(images), region.inside(truth)
    length = (one.square().sum((1, 2)) * other.square().sum((1, 2))).sqrt()
    return (one * other).sum((1, 2)) / length.clamp(min=1e-9)


def over(above: np.ndarray, below: np.ndarray) -> float:
    """Give the chance that a value is above one of the others."""
    return float((above[:, None] > below).mean() + 0.5 * (above[:, None] == below).mean())


def cells(denoiser: Denoiser, learned: Set, scored: Set) -> list[str] | None:
    """Learn from a set and score further images of it; None where it teaches nothing."""
    sets = learn_set(denoiser, learned[0].numpy(), PIXEL_SIZE, learned[2])
    known = next(iter(sets.values()), None)
    if known is None or known.evidence is None or known.confidence is None:
        return None
    noisy, clean, ctf = scored
    answer = Denoiser(denoiser.model, denoiser.device, sets=sets).answer(
        noisy.numpy(), PIXEL_SIZE, ctf=ctf, confidence=True
    )
    alone = denoiser.answer(noisy.numpy(), PIXEL_SIZE, ctf=ctf, confidence=True).confidence
    region = circle(BOX, known.confidence.radius)
    true = correlations(region, torch.from_numpy(answer.denoised), clean).double().numpy()
    shows = clean.flatten(1).any(1).numpy()
    told, true, before = (each[shows].astype(float) for each in (answer.confidence, true, alone))
    groups = np.array_split(told.argsort(), GROUPS)
    pairs = [(told[rows].mean(), true[rows].mean()) for rows in groups]
    return [
        f"{told.mean():.3f}",
        f"{true.mean():.3f}",
        f"{max(abs(a - b) for a, b in pairs):.3f}",
        f"{rank_correlation(told, true):.2f}",
        f"{rank_correlation(before, true):.2f}",
        f"{over(told, answer.confidence[~shows]):.3f}" if not shows.all() else "–",
        "; ".join(f"{a:.2f}, {b:.2f}" for a, b in pairs),
    ]


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--model", default=DEFAULT, show_default=True, help="A name, or a file.")
@click.option("--images", default=2000, show_default=True, help="Of each set.")
@click.option("--scored", default=480, show_default=True, help="Further images.")
@click.option("--empty", default=0.1, show_default=True, help="Part of them that shows nothing.")
@click.option("--structure", "names", multiple=True, type=click.Choice(list(STRUCTURES)),
              default=list(STRUCTURES))  # fmt: skip
@click.option("--snr", "snrs", multiple=True, type=float, default=SNRS, show_default=True)
@click.option("--seed", default=41, show_default=True)
@click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
def main(
    data: Path, work: Path, model: str, images: int, scored: int, empty: float,
    names: tuple[str, ...], snrs: tuple[float, ...], seed: int, append: bool,
) -> None:  # fmt: skip
    """Print a table."""
    torch.set_num_threads(1)
    device = torch.device("cpu")
    denoiser = Denoiser(load_model(find_model(model), device), device)
    noise = noise_source(data, work, held_out=True)
    lines = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    for name in names:
        density = volume(data, *STRUCTURES[name])
        for snr in snrs:
            generator = PairGenerator([density], noise, settings_at(snr, MARGINS["tight"]))
            learned = drawn(generator, images, empty, seed)
            found = cells(denoiser, learned, drawn(generator, scored, empty, seed + 1))
            lines.append(f"| {' | '.join([name, f'{snr:g}', *(found or ['nothing learned'])])} |")
            print(lines[-1], flush=True)
    record(f"Confidence of results, {images:,} images a set, {empty:.0%} of them empty", lines,
           append)  # fmt: skip


if __name__ == "__main__":
    main()
