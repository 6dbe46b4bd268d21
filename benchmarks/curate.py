"""Measure which score tells particles from empty ice and from contamination.

    python benchmarks/curate.py PROJECT --diameter 270 --bad blob.mrc:mask.mrc --bad carbon.png@8

Good ones are the extracted particles of a RELION project. Bad ones are boxes of the project's own
micrographs on empty ice, and boxes on the contamination of other micrographs: inside a mask where
one is given, else where they are dark. Those are enlarged to the project's pixel size from the one
that follows on @, their noise being drawn anew, or are taken as if they had it. For each
kind of bad boxes, in 1 of 8 and in 1 of 2 images, the area under the ROC curve is printed for the
score of `iceblock select`, for simpler measures, for the confidence of `iceblock denoise`, and
with --relion for what RELION's 2D classification of the same images writes; and what --auto keeps.
With --append the table goes to benchmarks/RESULTS.md.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import starfile
import torch
from classes2d import refined
from results import record
from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom

from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.shipped import DEFAULT, find_model
from core.denoise.views import normalised
from core.images.micrographs.formats import read_image
from core.images.mrc.reader import read_header, read_images
from core.images.particles import read_particles
from core.runs.classify.images import choose_field
from core.sets.classes.engine import Engine
from core.sets.classes.views import view
from core.sets.curate.border import find_border
from core.sets.curate.contamination import contrast, excess
from core.sets.curate.evidence import judge, judging
from core.sets.curate.score import FADES, score
from core.signal.fourier import fourier_resize

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.images.output_plan import OutputPlan
    from core.sets.classes.views import Views

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

RELION_CLASSES = 8
PARTS = (0.125, 0.5)
FAR = 1.0
"""Particle diameters from the centre of a box on empty ice to the next pick, at least."""
DARK = 3.0
"""Deviations by which a disc of a particle's size may be darker than the ice, at most."""


TRIED = 3000
"""Places that are tried in a micrograph."""


class InMemory:
    """Images in memory, as the engine of the classes asks for them."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self.groups = views.groups

    def views(self, rows: torch.Tensor) -> Views:
        """Give some of the images."""
        return self._views.take(rows)


def auc(good: Floats, bad: Floats) -> float:
    """Area under the ROC curve: how often a good one has more than a bad one."""
    order = np.searchsorted(np.sort(bad), good, side="left")
    equal = np.searchsorted(np.sort(bad), good, side="right") - order
    return float((order + equal / 2).mean() / len(bad))


def cut(pixels: Floats, centres: Ints, box: int) -> torch.Tensor:
    """Give boxes of a micrograph with dark particles, normalised, particles white."""
    low = centres - box // 2
    boxes = [pixels[y : y + box, x : x + box] for y, x in low.tolist()]
    return normalised(torch.from_numpy(np.array(boxes, dtype=np.float32)), -1)[0]


def places(allowed: Mask, box: int, apart: float, rng: np.random.Generator) -> Ints:
    """Draw centres where they are allowed, not too near to each other."""
    left = allowed.copy()
    edge = box // 2 + 1
    left[:edge], left[-edge:], left[:, :edge], left[:, -edge:] = False, False, False, False
    points = np.argwhere(left)
    found: list[npt.NDArray[np.int64]] = []
    for point in points[rng.permutation(len(points))[:TRIED]]:
        if not found or ((np.array(found) - point) ** 2).sum(axis=1).min() > apart**2:
            found.append(point)
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def empty_boxes(project: Path, diameter: float, box: int, pixel_size: float) -> torch.Tensor:
    """Cut boxes on the empty ice of a project's micrographs."""
    rng = np.random.default_rng(0)
    across, made = diameter / pixel_size, []
    for path in sorted(project.glob("Micrographs/*.mrc")):
        pixels = np.asarray(read_image(path).pixels, dtype=np.float64)
        table = next((project / "AutoPick").glob(f"*/Micrographs/{path.stem}_*.star"))
        picks = starfile.read(table)[["rlnCoordinateY", "rlnCoordinateX"]].to_numpy()
        free = np.ones(pixels.shape, dtype=bool)
        free[tuple(np.clip(picks.round().astype(int), 0, np.array(pixels.shape) - 1).T)] = False
        allowed = distance_transform_edt(free) > FAR * across
        smooth = gaussian_filter(pixels, across / 4)
        middle = np.median(smooth)
        spread = 1.4826 * np.median(np.abs(smooth - middle))
        allowed &= distance_transform_edt(smooth > middle - DARK * spread) > across / 2
        centres = places(allowed, box, across / 3, rng)
        if len(centres):
            made.append(cut(pixels, centres, box))
    return torch.cat(made)


def contaminated_boxes(
    sources: tuple[str, ...], box: int, pixel_size: float, each: int
) -> torch.Tensor:
    """Cut boxes on contamination, the same number of each micrograph."""
    rng = np.random.default_rng(0)
    made = []
    for text in sources:
        text, _, size = text.partition("@")
        name, _, mask = text.partition(":")
        pixels = np.asarray(read_image(Path(name)).pixels, dtype=np.float64)
        larger = float(size) / pixel_size if size else 1.0
        if larger > 1:
            noise = (pixels - gaussian_filter(pixels, 1)).std()
            pixels = zoom(pixels, larger, order=3)
            pixels += larger * noise * rng.standard_normal(pixels.shape)
        if mask:
            allowed = np.asarray(read_image(Path(mask)).pixels) > 0.8
        else:
            smooth = gaussian_filter(pixels, 3 * max(larger, 1))
            allowed = smooth < np.median(smooth) - 2.5 * smooth.std() / 1.5
        centres = places(allowed, box, box / 8, rng)[:each]
        if len(centres):
            made.append(cut(pixels, centres, box))
    return torch.cat(made)


def measured(images: torch.Tensor, plan: OutputPlan, pixel_size: float) -> dict[str, Floats]:
    """Give all measures of images, and where --auto draws the border."""
    field = choose_field(plan, None)
    beyond = excess(contrast(images, pixel_size, field.diameter))
    wide = 2 * round(images.shape[-1] * pixel_size / field.pixel_size / 2)
    start = wide // 2 - field.box // 2
    small = fourier_resize(images, wide)[:, start : start + field.box, start : start + field.box]
    groups = np.zeros(len(images), np.int64)
    source = InMemory(view(small, field.grid(), field.pixel_size, None, groups))
    rows = torch.from_numpy(np.flatnonzero(beyond <= FADES))
    most = max(2.0, 0.08 * field.diameter / field.pixel_size)
    found = judge(Engine(source, field.grid(), judging(len(rows), most, 0)), rows)
    assert found is not None
    values = score(found.evidence, beyond)
    border = find_border(values[beyond <= FADES])
    kept = beyond <= FADES
    if border is not None:
        kept &= values >= border.score
    return {
        "score": values, "evidence": found.evidence, "contrast": -beyond,
        "sd of the box": images.std(dim=(1, 2)).double().numpy(), "kept": kept.astype(float),
    }  # fmt: skip


def confidences(images: torch.Tensor, pixel_size: float) -> Floats:
    """Give the confidence of every image, denoised by itself."""
    denoiser = Denoiser(load_model(find_model(DEFAULT)), torch.device("cpu"))
    parts = [
        denoiser.answer(piece.numpy(), pixel_size, confidence=True).confidence
        for piece in torch.split(images, 64)
    ]
    return np.concatenate(parts).astype(np.float64)


def by_relion(images: torch.Tensor, pixel_size: float, diameter: float) -> dict[str, Floats]:
    """Give what RELION's 2D classification writes of every image."""
    settings = (
        f"--K {RELION_CLASSES} --iter 25 --tau2_fudge 2 --particle_diameter {1.2 * diameter:.0f} "
        "--oversampling 1 --psi_step 12 --offset_range 5 --offset_step 2 --flatten_solvent "
        "--zero_mask --norm --scale --pad 2 --pool 30 --preread_images --no_parallel_disc_io "
        "--dont_combine_weights_via_disc --random_seed 1 --j 1"
    ).split()
    with tempfile.TemporaryDirectory() as folder:
        rows = refined(images, None, pixel_size, Path(folder), settings)
    names = ("rlnLogLikeliContribution", "rlnMaxValueProbDistribution")
    return {name: rows[name].to_numpy(dtype=np.float64) for name in names}


@click.command()
@click.argument("project", type=click.Path(exists=True, path_type=Path))
@click.option("--diameter", required=True, type=float, help="Of the particle, Å.")
@click.option("--bad", multiple=True, help="A contaminated micrograph[:MASK][@Å].")
@click.option("-n", "most", default=600, show_default=True, help="Good ones at most.")
@click.option("--relion", is_flag=True, help="Let relion_refine classify them, too.")
@click.option("--threads", default=1, show_default=True)
@click.option("--append", is_flag=True, help="Add the results to benchmarks/RESULTS.md.")
def main(
    project: Path,
    diameter: float,
    bad: tuple[str, ...],
    most: int,
    relion: bool,
    threads: int,
    append: bool,
) -> None:
    """Print a row for each kind and part of bad boxes."""
    from core.images.output_plan import plan_output
    from core.images.validation import validate

    torch.set_num_threads(threads)
    particles = read_particles(next((project / "Extract").glob("*/particles.star")))
    plan = plan_output(particles, validate(particles))
    stacks = [read_images(read_header(job.stack.path), job.indices) for job in plan.jobs]
    good = normalised(torch.from_numpy(np.concatenate(stacks)), 1)[0]
    rng = np.random.default_rng(0)
    good = good[torch.from_numpy(rng.permutation(len(good))[:most])]
    box, pixel_size = good.shape[-1], plan.jobs[0].pixel_size
    kinds = {"empty ice": empty_boxes(project, diameter, box, pixel_size)}
    if bad:
        kinds["contamination"] = contaminated_boxes(bad, box, pixel_size, 100)
    names = ["score", "evidence", "contrast", "sd of the box", "confidence"]
    names += ["rlnLogLikeliContribution", "rlnMaxValueProbDistribution"] * relion
    lines = [
        f"| bad boxes | good | bad | {' | '.join(names)} | --auto keeps good, bad |",
        "|---" * (4 + len(names)) + "|",
    ]
    alone = measured(good, plan, pixel_size)["kept"].mean()
    lines.append(f"| none | {len(good)} | 0 |{' |' * len(names)} {100 * alone:.1f} %, none |")
    for kind, boxes in kinds.items():
        for part in PARTS:
            count = min(len(boxes), round(len(good) * part / (1 - part)))
            chosen = boxes[torch.from_numpy(rng.permutation(len(boxes))[:count])]
            images = torch.cat([good, chosen])
            found = measured(images, plan, pixel_size)
            found["confidence"] = confidences(images, pixel_size)
            if relion:
                found |= by_relion(images, pixel_size, diameter)
            n = len(good)
            cells = [f"{auc(found[name][:n], found[name][n:]):.3f}" for name in names]
            kept = [100 * found["kept"][part].mean() for part in (slice(n), slice(n, None))]
            lines.append(
                f"| {kind} | {n} | {count} | {' | '.join(cells)} | {kept[0]:.1f} %, "
                f"{kept[1]:.1f} % |"
            )
    record(f"Particles, empty ice and contamination: {project.name}", lines, append)


if __name__ == "__main__":
    main()
