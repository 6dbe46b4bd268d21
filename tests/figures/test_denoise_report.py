"""The report is a PDF of three pages, the same for the same run, and warns where it must."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from core.denoise.model_file import ModelCard
from core.errors import IceblockError
from core.figures.axes import line_style, mark_limit, resolution_axis, resolution_ticks
from core.figures.denoise_report import range_warnings, write_report
from core.figures.gallery import RAW_SPREAD, gallery, normalise, spectra
from core.figures.montage import Labels, common_range, grey, montage
from core.figures.sample import EACH, Sample
from core.figures.scale import length_words, nice_length
from core.figures.text_page import text_page

CARD = ModelCard(
    name="tiny",
    working_pixel_size=4.0,
    snr_range=(0.01, 2.0),
    pixel_size_range=(3.0, 5.0),
    box_range=(48, 96),
    defocus_range=(5000.0, 35000.0),
)
FACTS = [("Input", "Extract/job003/particles.star"), ("Particles", "12,345"), ("Model", "tiny")]
NOTES = ["Out of range: a remark of this run that is long enough to be broken. " * 3]


def images(n: int, box: int = 32, seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(n, box, box)).astype(np.float32)


def sample(n: int = 9) -> Sample:
    return Sample(images(n), 0.3 * images(n, seed=1), 2.0)


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "new" / "report.pdf"
    write_report(path, sample(), CARD, FACTS, NOTES)
    return path


def test_a_pdf_of_three_pages(report: Path) -> None:
    pdf = report.read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert pages(pdf) == 3
    assert [p.name for p in report.parent.iterdir()] == ["report.pdf"]


@pytest.mark.skipif(shutil.which("pdfinfo") is None, reason="pdfinfo is not on PATH")
def test_another_program_opens_it(report: Path) -> None:
    said = subprocess.run(["pdfinfo", report], capture_output=True, text=True, check=True)
    assert re.search(r"^Pages: +3$", said.stdout, re.MULTILINE)
    assert said.stderr == ""


def test_same_run_same_bytes(report: Path, tmp_path: Path) -> None:
    write_report(tmp_path / "logfile.pdf", sample(), CARD, FACTS, NOTES)
    assert (tmp_path / "logfile.pdf").read_bytes() == report.read_bytes()


def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IceblockError, match=r"report\.pdf cannot be written"):
        write_report(tmp_path / "file" / "report.pdf", sample(1), CARD, FACTS, [])


@pytest.mark.parametrize(
    "odd",
    [
        sample(1),
        Sample(images(2, 33), images(2, 33, seed=1), 12.0),
        Sample(np.zeros((2, 32, 32), np.float32), np.zeros((2, 32, 32), np.float32), 1.0),
    ],
    ids=["one particle", "odd box, coarse", "empty images"],
)
def test_odd_samples_have_a_report_too(tmp_path: Path, odd: Sample) -> None:
    write_report(tmp_path / "report.pdf", odd, CARD, [], [])
    assert pages((tmp_path / "report.pdf").read_bytes()) == 3


def picture(figure: Figure) -> npt.NDArray[np.float32]:
    (shown,) = (image.get_array() for image in figure.axes[0].get_images())
    assert shown is not None
    return np.asarray(shown)


def test_the_gallery_shows_each_particle_in_every_row() -> None:
    seen = sample(3)
    drawn = picture(gallery(seen, "Before and after"))
    side = 32 + 2
    assert drawn.shape == (5 * side, 3 * side)

    def cell(row: int, column: int) -> np.ndarray:
        return drawn[row * side :, column * side :][1 : side - 1, 1 : side - 1]

    order = seen.groups()["all, best first"]
    raw, denoised = seen.raw[order], seen.denoised[order]
    np.testing.assert_array_equal(cell(0, 1), grey(raw[1], RAW_SPREAD))
    np.testing.assert_array_equal(cell(2, 1), grey(denoised[1], common_range(denoised)))
    np.testing.assert_array_equal(cell(3, 1), grey(denoised[1]))
    np.testing.assert_array_equal(cell(4, 2), grey(raw[2] - denoised[2], RAW_SPREAD))
    rough, smooth = (np.abs(np.diff(cell(row, 1))).mean() for row in (0, 1))
    assert smooth < rough


def test_an_empty_box_does_not_look_like_a_particle() -> None:
    denoised = images(8)
    denoised[5] *= 1e-3
    drawn = picture(gallery(Sample(images(8), denoised, 2.0), "title"))
    common, own = (drawn[row * 34 : (row + 1) * 34, -33:-1][1:-1] for row in (2, 3))  # worst: last
    assert common.std() < 0.01
    assert own.std() > 0.1


def test_the_grey_range_is_printed_for_relion_display() -> None:
    seen = Sample(images(4), images(4, seed=1), 2.0)
    low, high = common_range(seen.denoised)
    title = gallery(seen, "title").get_suptitle()
    assert f"--black {low:.2g} --white {high:.2g}" in title
    black = gallery(Sample(seen.raw, seen.denoised, 2.0, contrast=-1), "title").get_suptitle()
    assert f"--black {-high:.2g} --white {-low:.2g}" in black


def test_best_random_and_worst_particles_with_numbers_and_confidences() -> None:
    confidences = np.random.default_rng(0).permutation(np.linspace(0, 1, 64))
    seen = Sample(images(64), images(64, seed=1), 2.0, 10 * np.arange(64), confidences)
    groups = seen.groups()
    assert list(groups) == ["best of 64", "at random", "worst of 64"]
    best, drawn, worst = groups.values()
    assert sorted(confidences[best]) == sorted(confidences)[-EACH:]
    assert sorted(confidences[worst]) == sorted(confidences)[:EACH]
    assert len({*best, *drawn, *worst}) == 3 * EACH
    axes = gallery(seen, "title").axes[0]
    below = [text.get_text() for text in axes.get_xticklabels()]
    assert below[0] == f"no. {10 * best[0]}\nconf. 1.00"
    assert {text.get_text() for text in axes.texts} >= {*groups}
    assert "conf.: confidence; best and worst" in axes.get_xlabel()


def test_without_confidences_the_signal_tells_best_and_worst() -> None:
    denoised = images(12) * np.linspace(0.1, 1, 12)[:, None, None].astype(np.float32)
    groups = Sample(images(12), denoised, 2.0).groups()
    assert groups["best of 12"] == [11, 10, 9]
    assert groups["worst of 12"] == [2, 1, 0]


@settings(deadline=None, max_examples=30)
@given(side=st.integers(16, 512), pixel_size=st.floats(0.2, 40))
def test_a_scale_bar_is_a_round_length_inside_its_image(side: int, pixel_size: float) -> None:
    axes = Figure().subplots()
    montage(axes, {"raw": (np.zeros((1, side, side), np.float32), 1.0)}, pixel_size)
    (words,) = (text.get_text() for text in axes.texts)
    value, unit = words.split()
    length = float(value) * {"Å": 1, "nm": 10}[unit]
    for line in axes.get_lines():
        left, right = line.get_xdata()
        assert right - left == pytest.approx(length / pixel_size)
        assert 0 < left < right < 0.5 * side


def test_lengths() -> None:
    assert [nice_length(most) for most in (9.99, 10, 19, 20, 49, 50, 0.3)] == [
        5, 10, 10, 20, 20, 50, pytest.approx(0.2)
    ]  # fmt: skip
    assert (length_words(500), length_words(2000)) == ("500 Å", "200 nm")


def test_groups_of_columns_stand_apart() -> None:
    axes = Figure().subplots()
    labels = Labels(["a", "b", "c"], {"one": 1, "two": 2})
    montage(axes, {"raw": (np.zeros((3, 32, 32), np.float32), 1.0)}, labels=labels)
    a, b, c = axes.get_xticks()
    assert b - a > c - b == 34


def test_grey_values_stay_between_black_and_white() -> None:
    for image in images(3):
        shown = grey(image)
        assert (shown.min(), shown.max()) == (0, 1)
        assert grey(image, 1.0)[image > 1].min() == 1
    assert np.isfinite(grey(np.zeros((8, 8), np.float32))).all()


def test_the_spectra_are_those_of_the_images() -> None:
    figure = spectra(images(40), 0.5 * images(40), 2.0, 4.0)
    axes = figure.axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    frequency, power = lines["raw"].get_data()
    assert frequency[-1] == pytest.approx(0.25)  # Nyquist at 2 Å
    np.testing.assert_allclose(power, 1, atol=0.4)
    _, quarter = lines["denoised"].get_data()
    np.testing.assert_allclose(quarter, power / 4, rtol=1e-3)


@pytest.mark.parametrize(
    ("limit", "words", "side"),
    [
        (4.0, "4 Å: Nyquist of the images", "right"),
        (3.9, "4 Å: Nyquist of the images", "right"),
        (5.0, "5 Å: the network keeps nothing finer", "right"),
        (16.0, "16 Å: the network keeps nothing finer", "left"),
    ],
)
def test_the_limit_is_named_for_what_it_is_inside_the_frame(
    limit: float, words: str, side: str
) -> None:
    axes = spectra(images(4), images(4, seed=1), 2.0, limit).axes[0]
    (text,) = axes.texts
    assert text.get_text().strip() == words
    assert text.get_horizontalalignment() == side
    assert axes.get_xlim() == (0, 0.25)
    assert 0 < text.get_position()[0] <= 0.25
    assert len(axes.get_lines()) == 3 + (limit > 4.04)


@settings(deadline=None, max_examples=30)
@given(pixel_size=st.floats(0.5, 20))
def test_axes_in_angstrom_have_enough_ticks(pixel_size: float) -> None:
    ticks = resolution_ticks(0.5 / pixel_size)
    assert len(ticks) >= 4
    assert ticks == sorted(ticks, reverse=True)
    assert ticks[-1] >= 2 * pixel_size - 1e-9
    places = np.array([2 * pixel_size / tick for tick in ticks])
    assert np.diff(places).min() > 0.05
    axes = Figure().subplots()
    resolution_axis(axes, 0.5 / pixel_size)
    mark_limit(axes, 3 * pixel_size, pixel_size)
    assert [float(text.get_text()) for text in axes.get_xticklabels()] == ticks


def test_no_two_curves_look_alike() -> None:
    assert len({line_style(number) for number in range(28)}) == 28


def test_all_facts_are_on_the_first_page() -> None:
    figure = text_page("Title", FACTS, ["Advice."])
    written = {text.get_text() for text in figure.texts}
    assert written == {"Title", "Advice.", *(part for fact in FACTS for part in fact)}


@pytest.mark.parametrize("count", [1, 8, 40])
def test_a_first_page_holds_its_text_and_a_picture_where_there_is_room(count: int) -> None:
    rows = {"raw": (images(6), 4.0), "denoised": (images(6), 4.0)}
    sentence = "One sentence of advice that goes on for somewhat more than one line of the page. "
    figure = text_page("Title", FACTS, [2 * sentence] * count, rows, 2.0)
    assert bool(figure.axes) == (count < 40)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts]
    floor = figure.axes[0].get_window_extent().y1 if figure.axes else 0
    assert min(box.y0 for box in boxes) > floor
    assert max(box.x1 for box in boxes) < figure.bbox.x1


def test_normalising() -> None:
    raw = np.concatenate([5 + 3 * images(2), np.full((1, 32, 32), 4.0, np.float32)])
    raw[0, 16, 16] = np.nan
    made = normalise(raw)
    assert np.isfinite(made).all()
    assert not made[2].any()
    d = np.arange(32) - 16
    ring = np.hypot(d[:, None], d) > 12
    for image in made[:2]:
        assert image[ring].mean() == pytest.approx(0, abs=1e-5)
        assert image[ring].std() == pytest.approx(1, abs=1e-4)


@settings(deadline=None)
@given(pixel_size=st.floats(3.0, 5.0), box=st.integers(48, 192))
def test_inside_the_range_there_is_no_warning(pixel_size: float, box: int) -> None:
    assert range_warnings(CARD, pixel_size, box) == []


@pytest.mark.parametrize(
    ("pixel_size", "box", "says"),
    [
        (2.0, 64, ["sees 2.00 Å/px and was trained for 3.0–5.0 Å/px"]),
        (6.5, 64, ["sees 6.50 Å/px"]),
        (4.0, 40, ["boxes of 40 pixels and was trained on 48–96"]),
        (4.0, 300, ["boxes of 300 pixels"]),
        (9.0, 20, ["9.00 Å/px", "boxes of 20 pixels"]),
    ],
)
def test_outside_the_range_there_is_one_for_each_reason(
    pixel_size: float, box: int, says: list[str]
) -> None:
    warnings = range_warnings(CARD, pixel_size, box)
    assert len(warnings) == len(says)
    for warning, part in zip(warnings, says, strict=True):
        assert warning.startswith("Out of range: ")
        assert part in warning
