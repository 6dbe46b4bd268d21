"""Figures as files, whole or not at all; same figures, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from ..images.disk import replacing


def write_pages(path: Path, pages: Sequence[Figure]) -> None:
    """Write figures as the pages of a PDF."""
    with replacing(path) as file, PdfPages(file, metadata={"CreationDate": None}) as pdf:
        for page in pages:
            pdf.savefig(page)


def write_picture(path: Path, figure: Figure, dpi: int = 80) -> None:
    """Write a figure as a PNG."""
    with replacing(path) as file:
        figure.savefig(file, dpi=dpi, format="png")
