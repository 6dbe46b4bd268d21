"""Pickers on raw, low-passed, Topaz-denoised and our micrographs, against labels.

    python benchmarks/pickers.py pick PROJECTS --topaz FOLDER [--model NAME]
    python benchmarks/pickers.py speed --topaz "TOPAZ_PYTHON benchmarks/topaz_starter.py"

`pick` reads projects with Micrographs/micrographs.star and AutoPick/job002/autopick.star (the
labels). Topaz's micrographs lie in FOLDER/PROJECT under the same names; without --topaz its row is
left out. Three pickers: a plain Laplacian of Gaussian, a disc-shaped template of the labels of all
other micrographs of the set (made from the same kind of image), and RELION's own LoG autopicker.
A pick within half a diameter of a label counts; labels and picks nearer to the border than 0.75
diameters do not, because no label lies there. Each picker's size is the one of three that is best
on average over the set, for each kind of image by itself. `speed` times one 4096 x 4096 micrograph.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import mrcfile
import numpy as np
from scipy.ndimage import gaussian_laplace, maximum_filter
from scipy.signal import fftconvolve

from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import list_micrographs, read_micrograph
from core.runs.micrographs.options import MicrographsOptions
from core.runs.micrographs.run import run

DIAMETERS = {"80S": 300.0, "trpv1": 140.0, "apoferritin": 130.0}
"""Å, by what the project's name holds."""
SIZES = (0.7, 0.85, 1.0)
EDGE, REACH = 0.75, 0.5
Image = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Places = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def low_pass(image: Image, pixel_size: float, resolution: float = 20.0) -> Image:
    """Remove all beyond 20 Å."""
    fy, fx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])
    gain = 1 / (1 + (np.hypot(fy, fx) / pixel_size * resolution) ** 16)
    return np.fft.irfft2(np.fft.rfft2(image - image.mean()) * gain, s=image.shape).astype("f4")


def peaks(score: Image, diameter: float) -> tuple[Places, np.ndarray]:
    """Give local maxima above 0 no two of which lie within 0.7 diameters (pixels)."""
    top = maximum_filter(score, max(3, int(0.7 * diameter)) | 1)
    y, x = np.nonzero((score == top) & (score > 0))
    return np.stack([y, x], 1).astype(float), score[y, x]


def plain_log(image: Image, diameter: float) -> tuple[Places, np.ndarray]:
    """Pick dark blobs."""
    return peaks(gaussian_laplace(image, diameter / 2 / np.sqrt(2)), diameter)


def template(images: list[Image], labels: list[Places], diameter: float) -> Image:
    """Average the labelled particles, and turn the average about its centre."""
    half = int(0.75 * diameter)
    total, count = np.zeros((2 * half + 1, 2 * half + 1)), 0
    for image, places in zip(images, labels, strict=True):
        for y, x in np.rint(places).astype(int):
            if half <= y < image.shape[0] - half and half <= x < image.shape[1] - half:
                total += image[y - half : y + half + 1, x - half : x + half + 1]
                count += 1
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1]
    ring = np.hypot(yy, xx).astype(int)
    mean = np.bincount(ring.ravel(), (total / max(count, 1)).ravel()) / np.bincount(ring.ravel())
    made = np.where(ring <= half, mean[ring], 0)
    return np.where(ring <= half, made - made[ring <= half].mean(), 0).astype("f4")


def matched(image: Image, pattern: Image, diameter: float) -> tuple[Places, np.ndarray]:
    """Pick by the normalised cross-correlation with a template."""
    disc = (pattern != 0).astype("f4")
    mean = fftconvolve(image, disc, mode="same") / disc.sum()
    power = fftconvolve(image**2, disc, mode="same") / disc.sum() - mean**2
    floor = 0.05 * float(np.median(power)) + 1e-12
    score = fftconvolve(image, pattern[::-1, ::-1], mode="same") / np.sqrt(np.maximum(power, floor))
    return peaks(score.astype("f4"), diameter)


def relion_log(
    folder: Path, pixel_size: float, images: list[Image], diameter: float
) -> list[tuple[Places, np.ndarray]]:
    """Pick with relion_autopick --LoG, a low threshold, and its figure of merit."""
    (folder / "Micrographs").mkdir(parents=True)
    rows = []
    for k, image in enumerate(images):
        mrcfile.write(folder / f"Micrographs/m{k}.mrc", image, voxel_size=pixel_size)
        rows.append(f"Micrographs/m{k}.mrc 1")
    (folder / "m.star").write_text(
        "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroupName\n_rlnOpticsGroup\n"
        "_rlnMicrographPixelSize\n_rlnMicrographOriginalPixelSize\n_rlnVoltage\n"
        f"_rlnSphericalAberration\n_rlnAmplitudeContrast\no 1 {pixel_size} {pixel_size} 300 2.7 .1"
        "\n\n\n# version 30001\n\ndata_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n"
        + "\n".join([*rows, "", ""])
    )
    subprocess.run(
        ["relion_autopick", "--i", "m.star", "--odir", "P/", "--pickname", "a", "--LoG",
         "--LoG_diam_min", str(0.85 * diameter), "--LoG_diam_max", str(1.15 * diameter),
         "--shrink", "0", "--lowpass", "20", "--LoG_adjust_threshold", "-0.8"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    found = []
    for k in range(len(images)):
        path = folder / f"P/Micrographs/m{k}_a.star"
        lines = path.read_text().splitlines() if path.exists() else []
        rows_ = [list(map(float, line.split())) for line in lines if line[:4].strip()[:1].isdigit()]
        table = np.array([row for row in (r for r in rows_) if len(row) >= 3]).reshape(-1, 5)
        found.append((table[:, [1, 0]], table[:, 2]))
    return found


def scores(
    picked: tuple[Places, np.ndarray], labels: Places, diameter: float, shape: tuple[int, ...]
) -> tuple[float, float]:
    """Average precision, and the best F1 score over all thresholds."""
    order = np.argsort(-picked[1], kind="stable")
    places, edge = picked[0][order], EDGE * diameter

    def inside(points: Places) -> np.ndarray:
        within = (points >= edge) & (points <= np.array(shape) - 1 - edge)
        return np.asarray(within.all(axis=1))

    used, hits, counted = np.zeros(len(labels), bool), [], inside(labels)
    for place, here in zip(places, inside(places), strict=True):
        far = np.where(used, np.inf, np.hypot(*(labels - place).T))
        nearest = int(far.argmin())
        if far[nearest] <= REACH * diameter:
            used[nearest] = True
            if counted[nearest]:
                hits.append(1)
        elif here:
            hits.append(0)
    true = np.cumsum(hits) if hits else np.zeros(1)
    precision, recall = true / np.arange(1, len(true) + 1), true / max(counted.sum(), 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return float((np.diff(np.r_[0, recall]) * envelope).sum()), float(f1.max())


@click.group()
def main() -> None:
    """Measure denoised micrographs."""


@main.command()
@click.argument("projects", nargs=-1, type=click.Path(path_type=Path))
@click.option("--topaz", type=click.Path(path_type=Path))
@click.option("--model", "models", multiple=True, help="By default the one that micrographs take.")
def pick(projects: tuple[Path, ...], topaz: Path | None, models: tuple[str, ...]) -> None:
    """Score three pickers on four kinds of micrographs."""
    print("| set | picker | " + "image | AP | F1 | AP of the last one |\n|---|---|---|---|---|---|")
    for project in (path.absolute() for path in projects):
        size = next(d for name, d in DIAMETERS.items() if name in project.name)
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            _one_set(project, size, topaz, models or (MicrographsOptions.model,), Path(scratch))


def _one_set(
    project: Path, size: float, topaz: Path | None, models: tuple[str, ...], scratch: Path
) -> None:
    table = project / "Micrographs/micrographs.star"
    found = list_micrographs(table)
    picks = read_picks(project / "AutoPick/job002/autopick.star", found)
    labels = [np.empty((0, 2)) if (of := picks.of(m.name)) is None else of for m in found]
    pixel = found[0].pixel_size
    raw = [read_micrograph(m).pixels for m in found]
    kinds = {"raw": raw, "20 Å low-pass": [low_pass(image, pixel) for image in raw]}
    if topaz:
        kinds["Topaz-Denoise"] = [
            mrcfile.read(topaz / project.name / f"{m.path.stem}.mrc").astype("f4") for m in found
        ]
    for model in models:
        name = Path(model).stem
        run(MicrographsOptions((table,), scratch / name, particle_diameter=size, model=model))
        ours = (scratch / name / "Micrographs" / f"{m.path.stem}.mrc" for m in found)
        kinds[name] = [mrcfile.read(path) for path in ours]
    for kind, images in kinds.items():
        _report(project.name, kind, images, labels, size / pixel, pixel, scratch)


def _report(
    name: str, kind: str, images: list[Image], labels: list[Places], diameter: float,
    pixel: float, scratch: Path,
) -> None:  # fmt: skip
    best: dict[str, np.ndarray] = {}
    for part in SIZES:
        wide = part * diameter
        others = [[k for k in range(len(images)) if k != j] for j in range(len(images))]
        patterns = [
            template([images[k] for k in o], [labels[k] for k in o], wide / part) for o in others
        ]
        folder = Path(tempfile.mkdtemp(dir=scratch))
        picked = {
            "plain LoG": [plain_log(image, wide) for image in images],
            "template": [
                matched(i, p, wide) for i, p in zip(images, patterns, strict=True)
            ],
            "RELION LoG": relion_log(folder, pixel, images, wide * pixel),
        }  # fmt: skip
        for picker, places in picked.items():
            made = np.array([
                scores(p, t, diameter, i.shape)
                for p, t, i in zip(places, labels, images, strict=True)
            ])  # fmt: skip
            if picker not in best or made[:, 0].mean() > best[picker][:, 0].mean():
                best[picker] = made
    for picker, made in best.items():
        ap, f1 = made.mean(axis=0)
        print(
            f"| {name} | {picker} | {kind} | {ap:.3f} | {f1:.3f} | {made[-1, 0]:.3f} |", flush=True
        )


@main.command()
@click.option("--topaz", required=True, help="The command that starts topaz-em 0.3.20.")
@click.option("--threads", default=2)
def speed(topaz: str, threads: int) -> None:
    """Time one simulated micrograph of 4096 x 4096 pixels of 1.34 Å, in this order: ours, Topaz."""
    from micrograph import simulated

    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "m.mrc"
        mrcfile.write(source, simulated(4096, 150), voxel_size=1.34)
        ours = [sys.executable, "iceblock.py", "denoise-micrographs", str(source), "--out",
                f"{scratch}/ours", "--particle-diameter", "180", "--threads", str(threads),
                "-q"]  # fmt: skip
        theirs = [*shlex.split(topaz), "denoise", "-d", "-1", "-o", f"{scratch}/topaz", str(source)]
        seconds = []
        for command in (ours, theirs):
            began = time.perf_counter()
            subprocess.run(command, env=environment, check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
    print(f"iceblock {seconds[0]:.1f} s, topaz denoise {seconds[1]:.1f} s: "
          f"{seconds[1] / seconds[0]:.1f} times")  # fmt: skip


if __name__ == "__main__":
    main()
