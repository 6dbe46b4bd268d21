"""Numbers of things in sentences: 1 stack, 2 stacks."""

from __future__ import annotations


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
