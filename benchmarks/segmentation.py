"""Train the segmentation model that ships, and score it on micrographs that it has not seen.

Every project has Micrographs/micrographs.star and picks; see `--help`. Run from the repository's
root, for example:

    python benchmarks/segmentation.py score PROJECTS_FOLDER --steps 800
    python benchmarks/segmentation.py train PROJECTS_FOLDER --steps 2500 --out MODEL.safetensors

`score` leaves out micrograph k of every project in fold k, trains on all others and on simulated
micrographs, and compares particle labels with the withheld picks. Simulated micrographs hold
phantoms and the atomic models given; pollution is painted (core/segment/pollution.py).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from simulated_micrographs import simulate_micrograph
from tqdm import tqdm

from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import list_micrographs, read_micrograph
from core.noise.cutter import CutSettings, cut
from core.noise.source import SpectrumNoise
from core.segment.examples import Example, ExampleSource, LabelledMicrograph
from core.segment.grid import PARTICLE
from core.segment.labels import discs, label_map
from core.segment.model_file import SegmentationCard, SegmentationModel, save_model
from core.segment.scores import f1_score
from core.segment.segmenter import Segmenter
from core.segment.training import TrainingSettings, train
from core.signal.spectrum import ice_like_power
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform
from core.simulate.volumes import read_volume

if TYPE_CHECKING:
    from core.images.micrographs.reader import MicrographImage
    from core.segment.network import SegmentationNet

PROJECTS = {  # folder: particle diameter in Å, block in pixels, share of the examples
    "empiar10028_80S": (300.0, 64, 0.28),
    "empiar10059_trpv1": (130.0, 32, 0.22),
    "empiar10146_apoferritin": (130.0, 48, 0.25),
}
SIMULATED = 0.25
SNR, DEFOCUS = (0.15, 4.0), (6000.0, 40000.0)


class SimulatedMicrographs:
    """An `ExampleSource` of particles that differ in shape, SNR and crowding."""

    def __init__(self, models: list[Path], phantoms: int) -> None:
        self.volumes = []
        for seed in range(phantoms):
            size = VolumeTransform(phantom(seed, 12.0)).diameter
            self.volumes.append(VolumeTransform(phantom(seed, size / PARTICLE)))
        for path in models:
            size = VolumeTransform(read_volume(path, 8.0)).diameter
            self.volumes.append(VolumeTransform(read_volume(path, size / PARTICLE)))
        self.noise = SpectrumNoise(ice_like_power(), variation=0.4)

    def draw(self, rng: np.random.Generator) -> Example:
        """Draw a micrograph; one in five is empty."""
        volume = self.volumes[rng.integers(len(self.volumes))]
        snr = float(np.exp(rng.uniform(*np.log(SNR))))
        coverage = 0.0 if rng.random() < 0.2 else float(rng.uniform(0.02, 0.7))
        image, places = simulate_micrograph(volume, self.noise, 256, coverage, snr, DEFOCUS, rng)
        shape = (image.shape[0], image.shape[1])
        labels = label_map(discs(shape, shape, places, PARTICLE / 2))
        return Example(image, labels.astype(np.int8))


class Item:
    """A micrograph with its picks."""

    def __init__(self, project: str, image: MicrographImage, size: float, picks: Any) -> None:
        self.project, self.image, self.size, self.picks = project, image, size, picks
        self.diameter, self.block, self.share = PROJECTS[project]

    def source(self) -> LabelledMicrograph:
        """Give what training draws from."""
        return LabelledMicrograph.prepare(self.image.pixels, self.size, self.diameter, self.picks)


def read_projects(folder: Path) -> dict[str, list[Item]]:
    """Read all micrographs of the projects."""
    made = {}
    for project in PROJECTS:
        found = list_micrographs(folder / project / "Micrographs" / "micrographs.star")
        picks = read_picks(folder / project / "AutoPick" / "job002" / "autopick.star", found)
        made[project] = [
            Item(project, read_micrograph(m), m.pixel_size, picks.of(m.name)) for m in found
        ]
    return made


def train_on(
    items: list[Item], simulated: SimulatedMicrographs, steps: int, seed: int
) -> SegmentationNet:
    """Train a new network."""
    count = {item.project: sum(i.project == item.project for i in items) for item in items}
    sources: list[ExampleSource] = [item.source() for item in items]
    weights = [item.share / count[item.project] for item in items]
    with tqdm(total=steps, mininterval=10) as bar:

        def watch(step: int, loss: float) -> None:
            bar.update(1)
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)

        settings = TrainingSettings(steps=steps, seed=seed)
        return train([*sources, simulated], [*weights, SIMULATED], settings, watch=watch)


def contamination(item: Item, segmenter: Segmenter, given: bool) -> tuple[int, float]:
    """Cut blocks; returns their number and the part of their area inside labelled particles."""
    picks = item.picks if given else None
    made = segmenter.segment(item.image, item.size, item.diameter, picks)
    settings = CutSettings(box=item.block)
    blocks = cut(item.image, item.size, made, item.diameter, picks, settings)
    shape = item.image.pixels.shape
    true = discs(shape, shape, item.picks, item.diameter / 2 / item.size)
    covered = np.zeros(shape, dtype=bool)
    for y, x in (blocks.positions - item.block // 2).astype(int):
        covered[y : y + item.block, x : x + item.block] = True
    part = float(true[covered].mean()) if covered.any() else 0.0
    return len(blocks.blocks), part


def score_item(item: Item, segmenter: Segmenter) -> dict[str, Any]:
    """Score labels and blocks of a micrograph with picks withheld, and blocks with picks given."""
    made = segmenter.segment(item.image, item.size, item.diameter)
    f1 = f1_score(made, item.picks, item.diameter / 2 / item.size)
    blocks, part = contamination(item, segmenter, given=False)
    blocks_given, part_given = contamination(item, segmenter, given=True)
    return {
        "f1": round(f1, 3),
        "blocks": blocks,
        "inside": round(part, 4),
        "blocks_picks_given": blocks_given,
        "inside_picks_given": round(part_given, 4),
    }


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["score", "train"])
    parser.add_argument("projects", type=Path)
    parser.add_argument("--models", type=Path, nargs="*", default=[], help="atomic models")
    parser.add_argument("--phantoms", type=int, default=24)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--scores", type=Path, help="JSON of held-out scores for the card")
    parser.add_argument("--out", type=Path, default=Path("segmentation.safetensors"))
    arguments = parser.parse_args()
    projects = read_projects(arguments.projects)
    simulated = SimulatedMicrographs(arguments.models, arguments.phantoms)
    start = time.time()
    if arguments.task == "train":
        items = [item for project in projects.values() for item in project]
        network = train_on(items, simulated, arguments.steps, arguments.seed)
        card = SegmentationCard(
            name=arguments.out.stem,
            micrographs=tuple(f"{name} ({len(m)})" for name, m in projects.items()),
            training={
                "steps": arguments.steps,
                "seed": arguments.seed,
                "models": [path.name for path in arguments.models],
                "phantoms": arguments.phantoms,
                "minutes": round((time.time() - start) / 60, 1),
            },
            scores=json.loads(arguments.scores.read_text()) if arguments.scores else {},
        )
        save_model(arguments.out, network, card)
        return
    for fold in arguments.folds:
        held = {n: m[fold] for n, m in projects.items() if fold < len(m)}
        rest = [i for m in projects.values() for k, i in enumerate(m) if k != fold]
        network = train_on(rest, simulated, arguments.steps, arguments.seed)
        model = SegmentationModel(network, SegmentationCard(f"fold {fold}"), Path("fold"), "")
        for name, item in held.items():
            scores = score_item(item, Segmenter(model))
            print(json.dumps({"fold": fold, "project": name, **scores}), flush=True)


if __name__ == "__main__":
    main()
