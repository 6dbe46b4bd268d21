"""What a user must see although nothing failed: on the console, in the record and in the report.

Any room may `warn`; a run collects what is said while it works.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("iceblock")


def warn(sentence: str) -> None:
    """Tell the user one thing about the input or the result that may make the result wrong.

    Parameters
    ----------
    sentence
        What is odd, where, and what to do about it. The same sentence is told once a run.
    """
    LOGGER.warning("%s", sentence)


class _Collector(logging.Handler):
    def __init__(self, stream: TextIO | None, first: bool) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []
        self._stream = stream if first else None

    def emit(self, record: logging.LogRecord) -> None:
        sentence = record.getMessage()
        if sentence in self.sentences:
            return
        self.sentences.append(sentence)
        if self._stream is not None:
            print(f"warning: {sentence}", file=self._stream, flush=True)


@contextlib.contextmanager
def collected(stream: TextIO | None) -> Iterator[list[str]]:
    """Collect what `warn` is told inside the `with` block, and print each sentence at once.

    Inside another such block the outer one prints, and both collect.

    Parameters
    ----------
    stream
        Where the sentences are printed; None for nowhere.

    Yields
    ------
    sentences
        The list that grows, each sentence once, in the order in which they came.
    """
    first = not any(isinstance(handler, _Collector) for handler in LOGGER.handlers)
    collector = _Collector(stream, first)
    propagated, LOGGER.propagate = LOGGER.propagate, False
    LOGGER.addHandler(collector)
    try:
        yield collector.sentences
    finally:
        LOGGER.removeHandler(collector)
        LOGGER.propagate = propagated
