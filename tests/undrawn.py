"""For processes: whoever imports this makes PDFs without pages; see `drawing`."""

from matplotlib.backends.backend_pdf import PdfPages

PdfPages.savefig = lambda pdf, figure: None  # type: ignore[method-assign]
