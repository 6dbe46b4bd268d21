"""Pages that nobody looks at are not drawn: it would take most of the time of a test."""

import pytest
from matplotlib.backends.backend_pdf import PdfPages


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the figures of reports, and PDFs without pages; a test marked `drawn` draws them."""
    if "drawn" not in request.keywords:
        monkeypatch.setattr(PdfPages, "savefig", lambda pdf, figure: None)
