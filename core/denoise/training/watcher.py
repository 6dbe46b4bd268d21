"""Who looks on while a network is trained."""

from __future__ import annotations

from .metrics_log import Row


class Watcher:
    """Is told of a training run; this one takes no notice, others override what they want."""

    def step(self, step: int) -> None:
        """Take note that so many steps are done; may raise to stop the run, which is then saved."""

    def record(self, row: Row) -> None:
        """Take note of a new row of metrics.csv."""

    def remark(self, sentence: str) -> None:
        """Take note of something that the user should know."""
