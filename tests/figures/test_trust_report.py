"""The trust report says the same as a PDF and as a page for a browser, and needs no other file."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.errors import IceblockError
from core.evaluate.data_set import FROM_CARD, Background, NoiseMatch
from core.evaluate.gate import Check
from core.figures.trust_figures import confidence_page, gate_page, noise_page, truth_page
from core.figures.trust_report import TrustReport, verdict, write_html, write_pdf

GOOD = Check("noise", "Pure noise in", 0.02, 0.1, "at most", "Little <of it> comes out & stays.")
BAD = Check("einstein", "Einstein from noise", 2.0, 1.0, "at most", "It paints.")
POWER = np.linspace(2, 1, 17)
ABOUT = Background(POWER, 0.01, -0.02)


def report() -> TrustReport:
    match = NoiseMatch(POWER * 1.1, 1.3, 0.0, 0.1)
    return TrustReport(
        "A verdict.",
        [("model", "tiny"), ("box", "64 px < 96 px")],
        ["Out of range: a warning."],
        ["Advice."],
        [GOOD, BAD],
        [
            ("Noise", noise_page(ABOUT, match, 3.0, 8.0)),
            ("Confidence", confidence_page(np.linspace(0, 1, 50), True)),
        ],
    )


class Page(HTMLParser):
    """Collects text, pictures and links; complains of tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.sources = "", []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("img", "meta"):
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    write_html(tmp_path / "report.html", report())
    page = Page()
    page.feed((tmp_path / "report.html").read_text())
    assert page.open == []
    assert len(page.sources) == 2
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    for words in ("A verdict.", "Out of range: a warning.", "Advice.", GOOD.sentence, "FAILED"):
        assert words in page.text
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_pdf_has_a_page_for_each_part(tmp_path: Path) -> None:
    write_pdf(tmp_path / "report.pdf", report())
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 4


def test_same_report_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_pdf(tmp_path / f"{name}.pdf", report())
        write_html(tmp_path / f"{name}.html", report())
    for kind in ("pdf", "html"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IceblockError, match=r"report\.html cannot be written"):
        write_html(tmp_path / "file" / "report.html", report())


def test_the_verdict_names_what_failed() -> None:
    assert "invented detail, and" in verdict([GOOD], [])
    assert "read the warnings" in verdict([GOOD], ["x"])
    assert "Nothing was tried" in verdict([], [])
    said = verdict([GOOD, BAD], [])
    assert said.startswith("Do not trust")
    assert "einstein from noise" in said
    assert "pure noise" not in said


def test_verdicts_are_on_the_gate_page() -> None:
    written = " ".join(text.get_text() for text in gate_page([GOOD, BAD]).texts)
    assert "0.020 (at most 0.1)" in written
    assert written.count("passed") == written.count("FAILED") == 1


def test_pages_show_what_they_are_given() -> None:
    assert "not at hand" in noise_page(ABOUT, None, 3.0, 8.0).axes[0].get_title()
    bank, card = (
        noise_page(ABOUT, match, 3.0, 8.0).axes[0]
        for match in (
            NoiseMatch(POWER, 1.3, 0.0, 0.1),
            NoiseMatch(POWER, 1.3, 0.0, 0.1, POWER / 2, POWER * 2, FROM_CARD),
        )
    )
    assert bank.get_title().endswith("particles and of training: alike within a factor 1.30")
    assert "training, from its card: alike within a factor 1.30" in card.get_title()
    assert len(bank.collections) == 0
    (band,) = card.collections
    np.testing.assert_allclose(band.get_paths()[0].vertices[:, 1].max(), 2 * POWER[1])
    curves = {"raw": POWER / 3, "denoised": POWER / 2}
    left, right = truth_page(curves, {"raw": POWER, "denoised": POWER}, 2.0).axes
    np.testing.assert_allclose(left.get_lines()[1].get_ydata(), POWER[1:] / 2)
    assert "denoised, mean 1.500" in [text.get_text() for text in right.get_legend().get_texts()]
