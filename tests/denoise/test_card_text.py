"""What `iceblock models show` prints: two columns, and one table of correlations."""

from dataclasses import asdict

from core.denoise.card_text import card_lines
from core.denoise.model_file import ModelCard

CARD = asdict(
    ModelCard(
        name="tiny",
        working_pixel_size=4.0,
        snr_range=(0.01, 2.0),
        pixel_size_range=(3.0, 5.0),
        box_range=(48, 96),
        defocus_range=(5000.0, 35000.0),
        training={"steps": 10, "seed": 2, "start": {"steps": 600, "seed": 2}},
        scores={
            "held_out": ["A"],
            "A, tight: this model": {"correlation_0.1": 0.5, "correlation_0.05": 0.25},
            "A, tight: zero": {"correlation_0.1": 0.0, "correlation_0.05": 0.0},
            "A, wide: this model": {"correlation_0.05": 0.125},
        },
    )
)


def test_settings_stand_in_two_columns() -> None:
    lines = card_lines(CARD)
    settings = lines[: lines.index("")]
    assert all(len(line.split("  ", 2)) == 3 for line in settings)
    starts = {line.index(line.split("  ")[-1].lstrip()) for line in settings}
    assert len(starts) == 1
    assert "  box range           48 to 96 pixels" in lines


def test_of_the_start_only_what_differs() -> None:
    lines = card_lines(CARD)
    here = next(k for k, line in enumerate(lines) if line.startswith("The model that it started"))
    assert lines[here + 1 : here + 3] == ["  steps  600", ""]


def test_correlations_stand_in_a_table() -> None:
    lines = card_lines(CARD)
    head = next(k for k, line in enumerate(lines) if "SNR 0.1" in line)
    assert lines[head + 1] == "  A, tight"
    assert lines[head + 2].split() == ["this", "model", "0.500", "0.250"]
    assert lines[head + 3] == "  A, wide"
    assert lines[head + 4].rstrip().endswith("0.125")
    assert len({len(line) for line in (lines[head], lines[head + 2], lines[head + 4])}) == 1
    assert not any("zero" in line for line in lines)


def test_scores_without_images_have_a_table_too() -> None:
    lines = card_lines({**CARD, "scores": {"raw": {"correlation_0.1": 0.3}}})
    assert lines[-1].split() == ["raw", "0.300"]
