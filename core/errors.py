"""The one exception class that a user's mistake ends in."""

_HEAD, _TAIL = 1200, 400


class IceblockError(Exception):
    """A mistake or a limit that the user can act on.

    The message is one sentence that names the file and the row or field, says what is wrong and
    what to do. Commands print it without a traceback and exit with status 1.

    A name in it may come from a file that anyone has written: line ends, characters that steer a
    terminal, and bytes that are no text are shown as escapes, and a very long one is cut.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


def _one_line(text: str) -> str:
    text = _cut(text)
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return _cut("".join(shown))


def _cut(text: str) -> str:
    return f"{text[:_HEAD]} … {text[-_TAIL:]}" if len(text) > _HEAD + _TAIL else text
