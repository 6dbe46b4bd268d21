"""Words of messages: numbers of things, and options as the user at hand spells them.

A message is written once, with the options of the command line. A RELION job calls them labels, and
a run that starts other runs has other names for some of theirs.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

Wording = Callable[[str], str]

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+(?![\w-])")
TYPED = {"--black", "--json", "--out", "--pty", "--white"}
"""In whole commands that a user types, also of other programs; they stay everywhere."""
NOT_HERE = "an option that is not here"
"""Stands for options of a stage that the run which started it does not have."""
_stack: list[Wording] = []


def counted(count: int, noun: str, plural: str = "") -> str:
    """Give a number and its noun, in the singular for 1.

    Parameters
    ----------
    count
        How many.
    noun
        In the singular.
    plural
        The plural, where it is not the noun with an s.
    """
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def worded(text: str) -> str:
    """Give a message in the words of the program that the user started."""
    for wording in reversed(_stack):
        text = wording(text)
    return text


def offered(advice: Sequence[str]) -> str:
    """Join pieces of advice, as in `a, b or c`, without those that cannot be followed here.

    Parameters
    ----------
    advice
        Each names one option, or none.
    """
    *most, last = [one for one in advice if NOT_HERE not in worded(one)] or [""]
    return f"{', '.join(most)} or {last}" if most else last


@contextlib.contextmanager
def wording(words: Wording) -> Iterator[None]:
    """Let `words` change all messages that are made inside the `with` block.

    Inside another such block, the inner one comes first.
    """
    _stack.append(words)
    try:
        yield
    finally:
        _stack.remove(words)


def renamed(names: Mapping[str, str] | Callable[[str], str]) -> Wording:
    """Make the wording that puts other words in the place of options.

    Parameters
    ----------
    names
        For an option, as in `--batch-size`, what stands there instead; options that are not in a
        mapping stay. A function is asked for every option of ours.
    """

    def other(option: str) -> str:
        if callable(names):
            return option if option in TYPED else names(option)
        return names.get(option, option)

    def words(text: str) -> str:
        return _OPTION.sub(lambda found: other(found[0]), text)

    return words
