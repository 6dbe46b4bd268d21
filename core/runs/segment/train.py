"""A training run of the segmentation network on a user's own picks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from ... import __version__
from ...console import Console
from ...errors import IceblockError
from ...figures.overlay import overlay, write_png
from ...segment.examples import LabelledMicrograph
from ...segment.model_file import (
    SegmentationCard,
    SegmentationModel,
    load_model,
    save_model,
)
from ...segment.network import SegmentationNet
from ...segment.scores import f1_score
from ...segment.segmenter import Segmenter
from ...segment.training import TrainingSettings, train
from ..labelled import Labelled, fingerprints, gather
from ..life import begun, way_in
from ..record import RunRecord
from .options import SegmentTrainOptions

MODEL = "segmentation.safetensors"
OVERLAYS = "Overlays"


@dataclass
class SegmentTrainRecord(RunRecord):
    """What the training of a segmentation network has done."""

    scores: dict[str, float] = field(default_factory=dict)
    """F1 of the particle class, by held-out micrograph."""


@way_in
def run(options: SegmentTrainOptions, console: Console) -> None:
    """Train on picked micrographs, score on held-out ones, and write the model file.

    Raises
    ------
    IceblockError
        For too few picked micrographs, or anything wrong with the input or the output folder.
    """
    with begun(options, console) as this:
        start = None if options.start == "none" else load_model(options.start)
        everything, _ = gather(
            options.micrographs, options.picks, options.masks, options.pixel_size
        )
        kept, held = _split(everything, options)
        identity = {
            "version": __version__,
            **fingerprints((*kept, *held)),
            **options.identity(),
            "start": start.sha256 if start else "none",
        }
        outputs = (MODEL, OVERLAYS)
        with this.recorded(SegmentTrainRecord, identity, outputs, again=True) as record:
            network, card = _train(options, kept, start, console)
            record.scores = _score(options, held, network, card)
            save_model(options.out / MODEL, network, replace(card, scores=record.scores))
    for name, score in record.scores.items():
        console.say(f"Held out: {name}: particle F1 {score:.2f}")
    console.say(f"Use it with --model {options.out / MODEL}")


def _train(
    options: SegmentTrainOptions,
    kept: Sequence[Labelled],
    start: SegmentationModel | None,
    console: Console,
) -> tuple[SegmentationNet, SegmentationCard]:
    """Train under a progress bar; gives the network and its card, which has no scores yet."""
    sources = [_prepare(one, options.particle_diameter) for one in kept]
    settings = TrainingSettings(
        steps=options.steps, seed=options.seed, learning_rate=1e-3 if start else 2e-3
    )
    with console.bar(options.steps, "step", "training") as bar:

        def watch(step: int, loss: float) -> None:
            bar.show(loss=f"{loss:.3f}")
            bar.advance()

        network = train(
            sources, [1.0] * len(sources), settings, start.network if start else None, watch
        )
    card = SegmentationCard(
        name=options.out.name,
        micrographs=tuple(one.micrograph.name for one in kept),
        training={**asdict(settings), "start": options.start},
    )
    return network, card


def _split(
    everything: Sequence[Labelled], options: SegmentTrainOptions
) -> tuple[list[Labelled], list[Labelled]]:
    """Micrographs to train on and to score on, spread evenly over the data set."""
    usable = [
        one
        for one in everything
        if (one.mask or (one.picks is not None and len(one.picks))) and one.micrograph.path.exists()
    ]
    needed = options.hold_out + 1
    if len(usable) < needed:
        raise IceblockError(
            f"{len(usable)} of {len(everything)} micrographs have picks or masks and {needed} are "
            "needed; name more picks, or lower --hold-out"
        )
    chosen = np.unique(np.linspace(0, len(usable) - 1, min(options.limit, len(usable))).astype(int))
    few = [usable[i] for i in chosen]
    last = np.linspace(0, len(few) - 1, options.hold_out + 2).astype(int)[1:-1]
    out = {int(i) for i in last}
    return [m for i, m in enumerate(few) if i not in out], [few[i] for i in sorted(out)]


def _prepare(one: Labelled, diameter: float) -> LabelledMicrograph:
    image, pollution = one.read()
    picks = one.picks if one.picks is not None else np.empty((0, 2))
    return LabelledMicrograph.prepare(
        image.pixels, one.micrograph.pixel_size, diameter, picks, pollution
    )


def _score(
    options: SegmentTrainOptions,
    held: Sequence[Labelled],
    network: SegmentationNet,
    card: SegmentationCard,
) -> dict[str, float]:
    """Pixel F1 of the particle class on micrographs that were not trained on; with a picture."""
    segmenter = Segmenter(SegmentationModel(network, card, options.out / MODEL, sha256=""))
    scores = {}
    for one in held:
        image, _ = one.read()
        size = one.micrograph.pixel_size
        made = segmenter.segment(image, size, options.particle_diameter)
        picture = overlay(image.pixels, made, picks=one.picks, pixel_size=size)
        write_png(options.out / OVERLAYS / f"{one.output}.png", picture)
        if one.picks is not None and len(one.picks):
            radius = options.particle_diameter / 2 / size
            scores[one.micrograph.name] = round(f1_score(made, one.picks, radius), 4)
    return scores
