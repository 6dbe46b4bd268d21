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

from core.denoise.model_file import ModelCard
from core.errors import IceblockError
from core.evaluate.gallery import gallery, grey, normalise, spectra, text_page
from core.evaluate.report import Sample, range_warnings, write_report

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
    write_report(path, sample(), CARD, FACTS, NOTES, 8.0)
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
    write_report(tmp_path / "logfile.pdf", sample(), CARD, FACTS, NOTES, 8.0)
    assert (tmp_path / "logfile.pdf").read_bytes() == report.read_bytes()


def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IceblockError, match=r"report\.pdf cannot be written"):
        write_report(tmp_path / "file" / "report.pdf", sample(1), CARD, FACTS, [], 8.0)


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
    write_report(tmp_path / "report.pdf", odd, CARD, [], [], 8.0)
    assert pages((tmp_path / "report.pdf").read_bytes()) == 3


def test_the_gallery_shows_each_particle_four_times() -> None:
    raw, denoised = images(3), images(3, seed=1)
    figure = gallery(raw, denoised, 2.0, "Before and after")
    (picture,) = (image.get_array() for image in figure.axes[0].get_images())
    gap = max(1, raw.shape[-1] // 40)
    side = raw.shape[-1] + 2 * gap
    assert picture.shape == (4 * side, 3 * side)

    def cell(row: int, column: int) -> np.ndarray:
        return picture[row * side :, column * side :][gap : side - gap, gap : side - gap]

    np.testing.assert_array_equal(cell(0, 1), grey(raw[1], 4.0))
    np.testing.assert_array_equal(cell(2, 1), grey(denoised[1]))
    np.testing.assert_array_equal(cell(3, 2), grey(raw[2] - denoised[2], 4.0))
    rough, smooth = (np.abs(np.diff(cell(row, 1))).mean() for row in (0, 1))
    assert smooth < rough


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


def test_all_facts_are_on_the_first_page() -> None:
    figure = text_page("Title", FACTS, ["Advice."])
    written = {text.get_text() for text in figure.texts}
    assert written == {"Title", "Advice.", *(part for fact in FACTS for part in fact)}


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
