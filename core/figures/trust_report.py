"""The trust report: verdict, warnings and pictures, as a PDF and as one self-contained web page."""

from __future__ import annotations

import base64
import html
import io
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from ..evaluate.gate import Check
from ..images.disk import write_file
from .pages import write_pages
from .text_page import Rows, text_page
from .trust_figures import gate_page

TITLE = "iceblock: how far to trust these denoised particles"
DPI = 90
_STYLE = """
body { font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; }
img { max-width: 100%; border: 1px solid #ddd; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .3em .8em .3em 0;
vertical-align: top; border-bottom: 1px solid #ddd; }
.good { color: #15803d; font-weight: bold; } .bad { color: #b91c1c; font-weight: bold; }
.verdict { font-size: 1.15em; border-left: .4em solid #888; padding: .2em .8em; }
.warning { border-left: .4em solid #b45309; padding: .1em .8em; margin: .4em 0; }
"""


@dataclass(frozen=True)
class TrustReport:
    """All that the report says; the two ways of writing it say the same."""

    verdict: str
    """One sentence."""
    facts: list[tuple[str, str]]
    """Label and value pairs."""
    warnings: list[str]
    advice: list[str]
    checks: list[Check] = field(default_factory=list)
    pictures: list[tuple[str, Figure]] = field(default_factory=list)
    """Title and figure, a page each."""
    rows: Rows | None = None
    """Pictures for the first page of the PDF, see `montage`."""
    pixel_size: float | None = None
    """Å, of those."""


def write_pdf(path: Path, report: TrustReport) -> None:
    """Write the report as a PDF, whole or not at all; the same report, the same bytes."""
    marked = [f"! {warning}" for warning in report.warnings]
    sentences = [report.verdict, *marked, *report.advice]
    pages = [text_page(TITLE, report.facts, sentences, report.rows, report.pixel_size)]
    if report.checks:
        pages.append(gate_page(report.checks))
    write_pages(path, [*pages, *(figure for _, figure in report.pictures)])


def write_html(path: Path, report: TrustReport) -> None:
    """Write the report as one web page that needs no other file, whole or not at all."""
    body = [
        f"<h1>{html.escape(TITLE)}</h1>",
        f'<p class="verdict">{html.escape(report.verdict)}</p>',
        *(f'<p class="warning">{html.escape(warning)}</p>' for warning in report.warnings),
        *(f"<p>{html.escape(sentence)}</p>" for sentence in report.advice),
        _table(report.facts),
    ]
    if report.checks:
        body += ["<h2>Does it invent things?</h2>", _verdicts(report.checks)]
    for title, figure in report.pictures:
        body += [f"<h2>{html.escape(title)}</h2>", _picture(title, figure)]
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(TITLE)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )
    write_file(path, page)


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [
        f"<tr><td>{html.escape(label)}</td><td>{html.escape(value)}</td></tr>"
        for label, value in rows
    ]
    return f"<table>{''.join(lines)}</table>"


def _verdicts(checks: list[Check]) -> str:
    lines = [
        "<tr><th>check</th><th>of</th><th></th><th>found</th><th>bar</th><th>meaning</th></tr>"
    ]
    for check in checks:
        kind, word = ("good", "passed") if check.passed else ("bad", "FAILED")
        lines.append(
            f"<tr><td>{html.escape(check.title)}</td><td>the {check.tried}</td>"
            f'<td class="{kind}">{word}</td>'
            f"<td>{check.value:.3f}</td><td>{check.side} {check.bar:g}</td>"
            f"<td>{html.escape(check.sentence)}</td></tr>"
        )
    return f"<table>{''.join(lines)}</table>"


def _picture(title: str, figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    code = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(title)}" src="data:image/png;base64,{code}">'


def verdict(checks: list[Check], warnings: list[str]) -> str:
    """Give the report's first sentence."""
    failed = [_of(check) for check in checks if not check.passed]
    if failed:
        return (
            "Do not trust these images: "
            + textwrap.shorten(" and ".join(failed), 200)
            + " failed, so they may show what is not there."
        )
    tried = checks[-1].tried if checks else ""
    gate = f"The {tried} passed all checks for invented detail" if tried else "Nothing was tried"
    if warnings:
        return f"{gate}, but something about this data set needs a look: read the warnings first."
    return f"{gate}, and this data set lies within what the model was trained for."


def checks_words(checks: list[Check], not_whole: str) -> str:
    """Say how many checks were passed, and by what.

    Parameters
    ----------
    checks
        Of the network and then of the whole result.
    not_whole
        Why the latter was not tried; empty where it was.
    """
    said = []
    for tried in dict.fromkeys(check.tried for check in checks):
        mine = [check.passed for check in checks if check.tried == tried]
        said.append(f"the {tried}: {sum(mine)} of {len(mine)} passed")
    if not_whole:
        said.append(f"the whole result was not tried: {not_whole}")
    return "; ".join(said)


def _of(check: Check) -> str:
    return f"the check {check.title.lower()} of the {check.tried}"
