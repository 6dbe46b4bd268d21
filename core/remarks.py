"""What a user must see although nothing failed: on the console, in the record and in the report.

Any room may `warn`; a run collects what is said while it works.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from .wording import worded

LOGGER = logging.getLogger("iceblock")
MARK = "WARNING: "
"""Begins the line of each sentence that is printed."""


def warn(sentence: str) -> None:
    """Tell the user one thing about the input or the result that may make the result wrong.

    Parameters
    ----------
    sentence
        What is odd, where, and what to do about it. The same sentence is told once a run.
    """
    LOGGER.warning("%s", worded(sentence))


def adopt(sentences: Sequence[str]) -> None:
    """Collect sentences that another process of this run has printed already."""
    for sentence in sentences:
        LOGGER.warning("%s", sentence, extra={"printed": True})


class _Collector(logging.Handler):
    def __init__(self, streams: Sequence[TextIO], hands_on: bool) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []
        self.hands_on = hands_on
        self._streams = streams

    def emit(self, record: logging.LogRecord) -> None:
        sentence = record.getMessage()
        if sentence in self.sentences:
            return
        self.sentences.append(sentence)
        if not hasattr(record, "printed"):
            for stream in self._streams:
                print_line(f"{MARK}{sentence}", stream)


def print_line(line: str, stream: TextIO) -> None:
    """Print a line, above the progress bars where there are any."""
    bars = sys.modules.get("tqdm")
    with contextlib.suppress(OSError, ValueError):  # a full disk, a closed stream: the run goes on
        if bars is None:
            print(line, file=stream, flush=True)
        else:
            bars.tqdm.write(line, file=stream)
            stream.flush()


@contextlib.contextmanager
def collected(*streams: TextIO | None, hands_on: bool = False) -> Iterator[list[str]]:
    """Collect what `warn` is told inside the `with` block, and print each sentence at once.

    Inside another such block the outer one prints, and both collect.

    Parameters
    ----------
    streams
        Where the sentences are printed; None for nowhere.
    hands_on
        Whether the block inside this one begins with what was said before it: so does the run of a
        job.

    Yields
    ------
    sentences
        The list that grows, each sentence once, in the order in which they came.
    """
    outer = [handler for handler in LOGGER.handlers if isinstance(handler, _Collector)]
    shown = [stream for stream in streams if stream is not None and not outer]
    collector = _Collector(shown, hands_on)
    if len(outer) == 1 and outer[0].hands_on:
        collector.sentences += outer[0].sentences
    propagated, LOGGER.propagate = LOGGER.propagate, False
    LOGGER.addHandler(collector)
    try:
        yield collector.sentences
    finally:
        LOGGER.removeHandler(collector)
        LOGGER.propagate = propagated
