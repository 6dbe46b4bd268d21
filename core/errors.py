"""The one exception class that a user's mistake ends in."""

from __future__ import annotations

from collections.abc import Sequence

from .wording import worded

_HEAD, _TAIL = 1200, 400


class IceblockError(Exception):
    """A mistake or a limit that the user can act on.

    The message is one sentence that names the file and the row or field, says what is wrong and
    what to do. Commands print it without a traceback and exit with status 1.

    A name in it may come from a file that anyone has written: line ends, characters that steer a
    terminal, and bytes that are no text are shown as escapes, and a very long one is cut.

    Parameters
    ----------
    message
        The sentence.
    lines
        What follows it on lines of their own: a command to give, the choices there are.
    """

    def __init__(self, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__("\n".join(map(_one_line, (worded(message), *lines))))


def _one_line(text: str) -> str:
    text = _cut(text)
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _cut("".join(shown))


def _cut(text: str) -> str:
    return f"{text[:_HEAD]} … {text[-_TAIL:]}" if len(text) > _HEAD + _TAIL else text
