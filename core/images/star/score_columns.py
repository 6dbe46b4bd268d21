"""The columns of a STAR file that say how far images show a particle."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ...remarks import warn
from ..scores import Scores
from .class_columns import CLASS

SCORE, OLDER_SCORE = "_rlnParticleFigureOfMerit", "_rlnIceblockOlderFigureOfMerit"
EVIDENCE = "_rlnLogLikeliContribution"
OLDER_EVIDENCE = "_rlnIceblockOlderLogLikeliContribution"


def score_columns(
    scores: Scores, tokens: Callable[[str], Sequence[str] | None], source: Path
) -> dict[str, Sequence[str] | None]:
    """Give the tokens of the columns of scores.

    What stood in columns that get new values is kept in columns of iceblock's own.

    Parameters
    ----------
    scores
        Of N particles.
    tokens
        Gives a column as it is; None where there is none.
    source
        The file, for messages.
    """
    columns: dict[str, Sequence[str] | None] = {}
    for tag, older, values in (
        (SCORE, OLDER_SCORE, scores.score),
        (EVIDENCE, OLDER_EVIDENCE, scores.evidence),
    ):
        before = tokens(tag)
        if before is not None and tokens(older) is None:
            columns[older] = before
            warn(
                f"{source} has {tag[1:]} already: its values are kept as {older[1:]}, and the new "
                "ones take their place"
            )
        columns[tag] = [f"{value:.6f}" for value in values.tolist()]
    if tokens(CLASS) is None and scores.classes is not None:
        columns[CLASS] = [str(number) for number in scores.classes.tolist()]
    return columns
