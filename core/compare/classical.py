"""The list of all baselines that are not trained, in the order of a table's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bilateral import BILATERAL
from .bm3d_filter import ABSENT, bm3d_baseline
from .gaussian import GAUSSIAN
from .low_pass import LOW_PASS
from .mean_filter import MEAN
from .non_local_means import NON_LOCAL_MEANS
from .total_variation import TOTAL_VARIATION
from .trivial import TRIVIAL
from .wiener import WIENER

if TYPE_CHECKING:
    from .baseline import Baseline


def classical_baselines() -> tuple[list[Baseline], list[str]]:
    """Give the baselines, and sentences on what is left out."""
    bm3d = bm3d_baseline()
    filters = [MEAN, GAUSSIAN, BILATERAL, LOW_PASS, NON_LOCAL_MEANS, TOTAL_VARIATION]
    found = [*TRIVIAL, *filters, *([bm3d] if bm3d else []), WIENER]
    return found, [] if bm3d else [ABSENT]
