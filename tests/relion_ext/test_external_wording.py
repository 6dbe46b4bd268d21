"""A message names the option as the job at hand spells it."""

import pytest

from core.errors import IceblockError
from core.wording import renamed, wording
from relion_ext import denoise, noise, train, whole
from relion_ext.program import Program
from relion_ext.wording import words_for


@pytest.mark.parametrize(
    ("program", "said", "told"),
    [
        (denoise, "lower --batch-size", "lower the label `batch_size`"),
        (denoise, "or give --overwrite to replace it", "or give the label `overwrite` to"),
        (denoise, "1 CUDA device: give --device cpu, or", "set the label `gpu` to cpu, or"),
        (denoise, "choose another output folder", "start a new job"),
        (
            train,
            "give --volume with a map",
            "give `Input 3D reference` or the label `volumes` with a map",
        ),
        (train, "give --particles", "give `Input particles`"),
        (noise, "give --synthetic 5", "the label `synthetic` 5"),
        (whole, "give --held-out", "the option --held-out of the command line"),
    ],
)
def test_labels(program: object, said: str, told: str) -> None:
    known = program.PROGRAM  # type: ignore[attr-defined]
    assert isinstance(known, Program)
    with wording(words_for(known)):
        assert told in str(IceblockError(said))
    assert str(IceblockError(said)) == said


def test_a_run_inside_another() -> None:
    """The stage's name becomes the whole run's, and that a label."""
    with wording(words_for(whole.PROGRAM)), wording(renamed({"--box": "--noise-box"})):
        assert str(IceblockError("give --box")) == "give the label `noise_box`"
