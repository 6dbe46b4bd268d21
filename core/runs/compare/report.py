"""What a comparison tells: the tables on disk, and the last lines on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ... import __version__
from ...compare.scores import MARGIN
from ...compare.table import ABOVE, HEADLINES, Row, comma_separated, markdown, sentences
from ...images.disk import write_file
from ..record import Device
from .inputs import Inputs
from .options import CSV, FIGURES, TABLE, CompareOptions
from .record import CompareRecord
from .rows import Result

HOW = f"""\
PSNR and SSIM in four variants: `paper`: each image stretched from its minimum to its maximum onto
8 bits; `affine`: after the least-squares fit a · image + b; `masked`: the same inside the particle
mask; `box`: both images brought to mean 0 and sd 1. The images of the rows zero, constant and set
mean show no single particle. Compare each method with these rows: only what it has more than they
have is a gain. Correlations are with the truth inside the particle mask, tight and with a margin of
{MARGIN:g} Å; FRC = 0.5 is the resolution at which the mean Fourier ring correlation with the truth
falls below one half. ARI: adjusted Rand index of k-means clusters of images seen from about known
directions (0 by chance, 1 if perfect). In brackets: 95 % bootstrap intervals over particles, or
over the starts of k-means. Parameters of filters are chosen by masked correlation on other pairs,
for each set by itself."""


def write_tables(
    options: CompareOptions, inputs: Inputs, results: Sequence[Result], record: CompareRecord
) -> list[tuple[str, str]]:
    """Write the Markdown and the CSV table; returns what stands above ours, by metrics."""
    rows = [result.row for result in results]
    sets = [sheet.scored.name for sheet in inputs.sheets]
    ours = next((row.name for row in rows if row.kind == "ours"), "ours")
    said = sentences(rows, sets)
    parts = [
        "# Comparison of denoising methods\n",
        _about(options, inputs, record) + "\n",
        HOW + f" {ABOVE}: better than {ours}, which is ours in bold.\n",
        markdown(rows, sets),
        f"### Above {ours}\n",
        "\n".join(f"- {text}" for _, text in said) or f"Nothing is above {ours}.",
        "\n### The rows\n",
        "\n".join(_details(row, sets) for row in rows),
    ]
    if record.warnings:
        parts += ["\n### Warnings\n", "\n".join(f"- {text}" for text in record.warnings)]
    if record.remarks:
        parts += ["\n### Remarks\n", "\n".join(f"- {text}" for text in record.remarks)]
    write_file(options.out / TABLE, "\n".join(parts) + "\n")
    write_file(options.out / CSV, comma_separated(rows, sets))
    return said


def whole(folder: Path) -> bool:
    """Whether a finished comparison's tables are still there."""
    return (folder / TABLE).is_file() and (folder / CSV).is_file()


def last_lines(options: CompareOptions, record: CompareRecord) -> str:
    """Say in a few lines what was found and where it is."""
    above = [text for key, text in record.exceptions if key in HEADLINES]
    lines = [f"Above ours: {text}" for text in above] or ["No baseline is above ours."]
    return "\n".join([*lines, f"  {options.out / TABLE}", f"  {options.out / FIGURES}"])


def _about(options: CompareOptions, inputs: Inputs, record: CompareRecord) -> str:
    counts = ", ".join(
        f"{count} images at {name}" if name.startswith("SNR") else f"{count} images of {name}"
        for name, count in zip(record.sets, record.images, strict=True)
    )
    structures = ", ".join(inputs.structures)
    noise = f" Noise: {'; '.join(inputs.noise)}." if inputs.noise else ""
    views = inputs.sheets[0].views
    clustered = (
        f" Clustered: {len(views.labels)} views about {views.k} directions of "
        f"{inputs.structures[0]}."
        if views is not None
        else ""
    )
    return (
        f"{counts}; box {record.box} pixels of {record.pixel_size:.4g} Å. Structures: "
        f"{structures}.{noise}{clustered} Seed {options.seed}, iceblock {__version__}, "
        f"{(record.device or Device()).name}; `{options.command}`"
    )


def _details(row: Row, sets: Sequence[str]) -> str:
    chosen = "; ".join(f"{name}: {row.parameters[name]}" for name in sets if row.parameters[name])
    parts = [part for part in (row.note, chosen) if part]
    speed = f"{1e3 * row.seconds:.2g} ms an image"
    return f"- {row.name}: {', '.join([*parts, speed])}"
