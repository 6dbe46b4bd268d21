"""The one exception class that a user's mistake ends in."""


class IceblockError(Exception):
    """A mistake or a limit that the user can act on.

    The message is one sentence that names the file and the row or field, says what is wrong and
    what to do. Commands print it without a traceback and exit with status 1.
    """
