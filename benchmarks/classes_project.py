"""`iceblock classify` beside RELION's 2D classification on particles of a project, in one run.

    python benchmarks/classes_project.py Extract/job003/particles.star --project PROJECT \
        --classes 8 --particle-diameter 160 --picture both.png

Both programs are whole processes that read the same files; RELION starts in the project's folder.
Where the particles hold `rlnClassNumber`, as those of `iceblock simulate` do, the classes are
scored by it. `--no-relion` leaves RELION out.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import click
import mrcfile
import numpy as np
import numpy.typing as npt
import starfile
from classes2d import PROGRAM as RELION
from classes2d import purity
from denoise_runs import PROGRAM, Timing, measure
from matplotlib.figure import Figure
from proof import markdown
from results import record

from core.extra import from_extra
from core.figures.pages import write_picture

HEADS = ("program", "seconds", "CPU seconds", "peak MB", "classes used", "purity", "NMI")
PATH = click.Path(exists=True, path_type=Path)
ICEBLOCK = "iceblock classify"


@click.command(help=__doc__)
@click.argument("particles", type=Path)
@click.option("--project", default=".", show_default=True, type=PATH, help="RELION's folder.")
@click.option("--classes", default=8, show_default=True)
@click.option("--iterations", default=25, show_default=True)
@click.option("--particle-diameter", "diameter", type=float, required=True, help="Å.")
@click.option("--threads", default=2, show_default=True)
@click.option("--picture", type=click.Path(path_type=Path), help="Averages of both, as a PNG.")
@click.option("--relion/--no-relion", default=True)
@click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
def main(
    particles: Path,
    project: Path,
    classes: int,
    iterations: int,
    diameter: float,
    threads: int,
    picture: Path | None,
    relion: bool,
    append: bool,
) -> None:
    """Classify with both programs."""
    given = starfile.read(project / particles)
    rows, optics = given["particles"], given["optics"]
    truth = rows.get("rlnClassNumber")
    table, averages, faster = [], {}, []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        out = folder / "Classes"
        told = [*PROGRAM, "classify", str(project / particles), "--out", str(out), "-q"]
        told += ["--classes", str(classes), "--iterations", str(iterations)]
        told += ["--particle-diameter", f"{diameter:g}", "--threads", str(threads)]
        timing = measure([sys.executable, *told], len(rows), threads, folder / "iceblock.log")
        found = starfile.read(out / "particles.star")["particles"]["rlnClassNumber"].to_numpy()
        table.append(_row(ICEBLOCK, timing, found, truth))
        averages[ICEBLOCK] = _averages(out / "classes.mrcs", np.bincount(found - 1))
        if relion:
            ctf = ["--ctf"] if "rlnDefocusU" in rows else []
            command = [
                "env", "-C", str(project), RELION, "--i", str(particles), "--o", f"{folder}/run",
                "--K", str(classes), "--iter", str(iterations), *ctf, "--tau2_fudge", "2",
                "--particle_diameter", f"{diameter:g}", "--oversampling", "1", "--psi_step", "12",
                "--offset_range", "5", "--offset_step", "2", "--flatten_solvent", "--zero_mask",
                "--norm", "--scale", "--pad", "2", "--pool", "30", "--preread_images",
                "--no_parallel_disc_io", "--dont_combine_weights_via_disc", "--random_seed", "1",
                "--j", str(threads),
            ]  # fmt: skip
            theirs = measure(command, len(rows), 1, folder / "relion.log")
            last = f"{folder}/run_it{iterations:03d}"
            found = starfile.read(f"{last}_data.star")["particles"]["rlnClassNumber"].to_numpy()
            table.append(_row(RELION, theirs, found, truth))
            faster.append(f"\niceblock is {theirs.seconds / timing.seconds:.0f} times faster.")
            averages[RELION] = _averages(Path(f"{last}_classes.mrcs"), np.bincount(found - 1))
    if picture:
        write_picture(picture, _side_by_side(averages, 1.1 * diameter))
    record(
        f"2D classes of {len(rows)} particles, {optics['rlnImageSize'][0]} pixels of "
        f"{optics['rlnImagePixelSize'][0]:g} Å, K = {classes}, {iterations} iterations, {threads} "
        f"threads: {particles.name} of {project.resolve().name}",
        [
            *markdown(HEADS, table),
            *faster,
        ],
        append,
    )


def _row(name: str, timing: Timing, found: npt.NDArray[np.int64], truth: object) -> list[str]:
    scores = ["", ""]
    if truth is not None:
        structures = np.asarray(truth, dtype=np.int64)
        nmi = from_extra("sklearn.metrics").normalized_mutual_info_score
        scores = [f"{purity(found, structures):.3f}", f"{nmi(structures, found):.3f}"]
    used = str(len(np.unique(found)))
    return [
        name,
        *(f"{v:.0f}" for v in (timing.seconds, timing.work, timing.peak_mb)),
        used,
        *scores,
    ]


def _averages(path: Path, sizes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float32], float]:
    """Read class averages, the largest class first, and their pixel size in Å.

    The average of empty images, which is 0, is left out.
    """
    with mrcfile.open(path) as file:
        images, pixel_size = np.array(file.data), float(file.voxel_size.x)
    sizes = np.pad(sizes, (0, max(0, len(images) - len(sizes))))[: len(images)]
    order = np.argsort(-sizes, kind="stable")
    return images[order[images[order].any((1, 2))]], pixel_size


def _side_by_side(
    averages: dict[str, tuple[npt.NDArray[np.float32], float]], width: float
) -> Figure:
    """Draw a row of averages for each program, all fields `width` Å wide, each its own greys."""
    most = max(len(images) for images, _ in averages.values())
    figure = Figure(figsize=(1.3 * most, 1.45 * len(averages)), layout="constrained")
    axes = figure.subplots(len(averages), most, squeeze=False)
    for row, (name, (images, pixel_size)) in zip(axes, averages.items(), strict=True):
        for place in row:
            place.set_xticks([])
            place.set_yticks([])
        for place, image in zip(row, images, strict=False):
            reach = image.shape[-1] * pixel_size / 2
            place.imshow(image, cmap="gray", extent=(-reach, reach, -reach, reach))
            half = min(width / 2, reach)
            place.set_xlim(-half, half)
            place.set_ylim(-half, half)
        row[0].set_ylabel(name)
    return figure


if __name__ == "__main__":
    if shutil.which(RELION) is None and "--no-relion" not in sys.argv:
        raise SystemExit(f"{RELION} is not on PATH (apt-get install relion)")
    main()
