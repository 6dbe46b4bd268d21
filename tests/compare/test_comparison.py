"""Scores, the table of a comparison, and what stands above ours."""

import csv
import io

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from core.compare.figures import TRUTH, busiest_line, fit, methods_page
from core.compare.scores import (
    METRICS,
    Kind,
    PairSet,
    Scores,
    ViewSet,
    cluster,
    frc_crossing,
    score,
)
from core.compare.table import ABOVE, Row, comma_separated, exceptions, markdown, sentences

BOX = 48


def pair_set(n: int = 10) -> PairSet:
    random = torch.Generator().manual_seed(0)
    d = torch.arange(BOX) - BOX // 2
    place = 3 * torch.randn(2, n, 1, 1, generator=random)
    r2 = (d[:, None] - place[0]) ** 2 + (d - place[1]) ** 2
    clean = 3 * torch.exp(-r2 / 30) + torch.exp(-(r2 - 80).abs() / 20)
    noisy = clean + torch.randn(n, BOX, BOX, generator=random)
    return PairSet("SNR 1", noisy, clean, r2 < 150, 4.0)


def row(name: str, kind: Kind, images: torch.Tensor, pairs: PairSet) -> Row:
    return Row(name, kind, {pairs.name: score(images, pairs)}, {pairs.name: "sigma 2"})


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    pairs = pair_set()
    better = pairs.clean + 0.1 * (pairs.noisy - pairs.clean)
    worse = pairs.clean + 0.2 * (pairs.noisy - pairs.clean)
    return [
        row("raw", "trivial", pairs.noisy, pairs),
        row("zero", "trivial", torch.zeros_like(pairs.noisy), pairs),
        row("told", "oracle", better, pairs),
        row("mine", "ours", worse, pairs),
        row("mine too", "ours", better, pairs),
    ]


def test_less_noise_scores_better_in_every_metric() -> None:
    pairs = pair_set()
    apart = pairs.noisy - pairs.clean
    found = [score(pairs.clean + part * apart, pairs) for part in (1.0, 0.3)]
    for metric in METRICS:
        one, other = (scores.interval(metric.key) for scores in found)
        if metric.key in ("ari", "nmi", "accuracy"):
            assert one is None
            continue
        assert one is not None
        assert other is not None
        assert metric.better(other[0], one[0]), metric.key
        assert one[1] <= one[0] <= one[2]


def test_scores_go_to_json_and_back(rows: list[Row]) -> None:
    scores = rows[0].scores["SNR 1"]
    back = Scores.of(scores.plain())
    assert all(back.interval(m.key) == scores.interval(m.key) for m in METRICS)


def test_frc_of_truth_and_of_nothing() -> None:
    clean = torch.randn(5, BOX, BOX, generator=torch.Generator().manual_seed(1))
    assert frc_crossing(clean, clean, 4.0) == (8.0, 8.0, 8.0)  # Nyquist
    value, low, high = frc_crossing(torch.zeros_like(clean), clean, 4.0)
    assert np.isinf([value, low, high]).all()


def test_equal_images_are_not_clustered() -> None:
    images = torch.ones(6, BOX, BOX)
    views = ViewSet(images, images, np.array([0, 0, 0, 1, 1, 1]), 2)
    assert cluster(images, views, 3)["ari"] == [0.0] * 3
    images = images.clone()
    images[3:, :10] = 5
    assert cluster(images, views, 3)["ari"] == [1.0] * 3


def test_what_is_above_the_first_of_ours_and_nothing_else(rows: list[Row]) -> None:
    found = exceptions(rows, ["SNR 1"])
    # Most of a box is empty: on 8 bits a black image can be above a good one.
    assert all(e.rival.name == "told" or e.metric.key.endswith("_paper") for e in found)
    theirs = {e.metric.key for e in found if e.rival.name == "told"}
    assert theirs >= {"psnr_affine", "correlation", "frc"}
    apart = next(e for e in found if e.metric.key == "correlation").difference
    assert apart is not None
    assert 0 < apart[0] < apart[1]
    assert exceptions([rows[0], rows[4]], ["SNR 1"]) == []
    assert exceptions(rows[:3], ["SNR 1"]) == []


def test_sentences_name_the_rival_the_reason_and_the_trivial_rows(rows: list[Row]) -> None:
    said = dict(sentences(rows, ["SNR 1"]))
    text = said["correlation"]
    for words in ("SNR 1, masked correlation: mine has 0.", "above it told 0.", "(+0.",
                  "true spectra", "raw 0.", "zero 0.000"):  # fmt: skip
        assert words in text


def test_markdown_marks_what_is_better_and_leaves_out_what_was_not_measured(
    rows: list[Row],
) -> None:
    lines = markdown(rows, ["SNR 1"]).splitlines()
    assert "ARI" not in lines[2]
    cells = {line.split(" | ")[0].strip("| *"): line for line in lines[4:]}
    assert ABOVE in cells["told"]
    assert all(ABOVE not in cells[name] for name in ("raw", "mine", "mine too"))
    assert "**mine**" in cells["mine"]
    assert "∞" in cells["zero"]
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_the_csv_holds_every_number(rows: list[Row]) -> None:
    table = list(csv.DictReader(io.StringIO(comma_separated(rows, ["SNR 1"]))))
    assert [line["method"] for line in table] == [row.name for row in rows]
    told = table[2]
    found = rows[2].scores["SNR 1"].interval("correlation")
    assert found is not None
    assert float(told["correlation_low"]) == pytest.approx(found[1], rel=1e-4)
    assert "correlation" in told["above_ours"].split()
    assert table[3]["above_ours"] == ""
    assert told["ari"] == ""


def test_images_are_brought_to_the_truths_scale() -> None:
    truth = pair_set(3).clean.numpy()
    np.testing.assert_allclose(fit(5 - 2 * truth, truth), truth, atol=1e-4)
    flat = fit(np.ones_like(truth), truth)
    np.testing.assert_allclose(flat, np.broadcast_to(truth.mean((1, 2), keepdims=True), flat.shape))
    image = np.zeros((8, 8), dtype=np.float32)
    image[5, 2] = 1
    assert busiest_line(image) == 5


def test_a_page_has_a_row_for_each_method() -> None:
    images = np.random.default_rng(0).standard_normal((3, 16, 16)).astype(np.float32)
    figure = methods_page("title", {"raw": images, TRUTH: images}, 2.0)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["raw", TRUTH]


def test_many_methods_fit_a_screen_and_no_letter_leaves_the_page() -> None:
    images = np.random.default_rng(0).standard_normal((6, 16, 16)).astype(np.float32)
    names = ["raw", *(f"a method, number {number}" for number in range(10)), TRUTH]
    title = "SNR 0.1: the same particles after every method"
    figure = methods_page(title, dict.fromkeys(names, images), 2.0)
    FigureCanvasAgg(figure).draw()
    labels = [label for axes in figure.axes for label in axes.get_yticklabels()]
    assert [label.get_text() for label in labels] == names
    assert figure.get_figheight() < figure.get_figwidth()
    for text in (*labels, *figure.texts):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, text
