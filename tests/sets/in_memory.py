"""Images of a set in memory, as the engine of the classes asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from core.sets.classes.views import Views


class InMemory:
    """All images of a set.

    Parameters
    ----------
    views
        Of all images.
    """

    def __init__(self, views: Views) -> None:
        self._views = views

    @property
    def groups(self) -> torch.Tensor:
        """(n,) places of the optics groups."""
        return self._views.groups

    def views(self, rows: torch.Tensor) -> Views:
        """Give some of the images."""
        return self._views.take(rows)
