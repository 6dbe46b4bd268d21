"""What a training run tells the user: its report, and the last lines on the screen."""

from __future__ import annotations

from ...denoise.training.metrics_log import Row
from ...figures.pages import write_pages
from ...figures.text_page import text_page
from ...wording import counted
from ..durations import format_duration
from ..record import Device
from .inputs import TrainingInputs
from .options import MODEL, TrainOptions
from .record import TrainRecord
from .watch import Validation

ADVICE = (
    "Scores are correlations with the truth inside the particle mask, on simulated particles in "
    "held-out noise; the filters beside them were given an advantage (the best Gaussian was chosen "
    "on these very images, the Wiener filter knows the true spectra).",
    "A model trained on one structure prefers that structure: compare what it shows with the raw "
    "class averages, and refine raw particles.",
)


def report(
    options: TrainOptions,
    inputs: TrainingInputs,
    validation: Validation,
    rows: list[Row],
    record: TrainRecord,
) -> None:
    """Write the report of a finished run: facts, scores, curves, samples.

    Parameters
    ----------
    options, inputs, validation
        Of the run.
    rows
        Of metrics.csv.
    record
        The run's record so far.
    """
    device = record.device or Device()
    low, high = inputs.pairs.settings.snr_range
    facts = [
        ("model", f"{record.model.name}, {record.model.sha256[:12]}"),
        ("started from", record.started_from),
        ("training", f"{counted(record.steps, 'step')}, {counted(record.images, 'image')}, "
         f"{format_duration(record.training_seconds)}, {record.images_per_second} images/s"),
        ("device", f"{device.name}, "
         f"{counted(device.processes, 'process', 'processes')}, "
         f"{counted(device.threads, 'thread')}"),
        ("images", f"{inputs.box} px of {inputs.geometry.pixel_size:.4g} Å, SNR {low:g} to "
         f"{high:g}, defocus {inputs.defocus_range[0] / 1e4:.2g} to "
         f"{inputs.defocus_range[1] / 1e4:.2g} µm"),
        ("volumes", ", ".join(name.split(" (")[0] for name in inputs.volumes)),
        ("noise", ", ".join(name.split(" (")[0] for name in inputs.noise)),
        ("held out", ", ".join(inputs.held_out_names)),
        *((f"  {method}", _scores(values)) for method, values in record.scores.items()),
    ]  # fmt: skip
    pages = [
        text_page(
            "iceblock: a trained model", facts,
            [*record.warnings, *record.remarks, *ADVICE],
            validation.strip(), inputs.geometry.pixel_size,
        ),
        *validation.figures(rows),
    ]  # fmt: skip
    write_pages(options.out / options.report, pages)


def last_lines(options: TrainOptions, record: TrainRecord) -> str:
    """Say in a few lines what was made and where it is."""
    scores = record.scores
    lines = [
        f"Trained {record.model.name!r} for {counted(record.steps, 'step')} "
        f"({format_duration(record.training_seconds)}); held-out correlation:",
        *(
            f"  {method:<14} {_scores(scores[method])}"
            for method in ("this model", "before", "low-pass", "raw")
            if method in scores
        ),
        f"  {options.out / MODEL}",
        f"  {options.out / options.report}",
    ]
    return "\n".join(lines)


def _scores(values: dict[str, float]) -> str:
    return "   ".join(
        f"SNR {name.removeprefix('correlation_')}: {value:.3f}" for name, value in values.items()
    )
