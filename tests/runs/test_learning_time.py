"""Learning from a set may be given a time."""

from pathlib import Path

import pytest

from core.denoise import class_learning, structure_learning
from core.denoise.known_set import CLASSES, STRUCTURE
from core.denoise.known_set_file import read_sets
from core.remarks import collected
from core.runs.denoise import report
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run
from core.sets.structure.course import Course

from .set_project import MODEL, STAR, simulated, write_model, write_stacks, write_star


def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Write a project of some particles that need no report, and go there."""
    monkeypatch.setattr(report, "write_report", lambda path, *rest: path.touch())
    monkeypatch.chdir(folder)
    images, ctf = simulated()
    write_model(folder)
    write_stacks(folder, images)
    write_star(folder, ctf)
    return len(images)


def asked(minutes: float | None) -> DenoiseOptions:
    return DenoiseOptions(
        STAR, out=Path("Out"), model=MODEL, device="cpu", threads=1, learn_minutes=minutes
    )


def test_classes_are_learned_of_too_few_particles_for_a_structure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what they leave open, too."""
    monkeypatch.setattr(class_learning, "FEWEST", 30)
    count = prepared(tmp_path, monkeypatch)
    made = run(asked(None))
    assert (made.record.state, made.record.particles) == ("finished", count)
    (known,) = read_sets(Path("Out")).values()
    assert known.weights is not None
    assert CLASSES in known.weights.names
    assert STRUCTURE not in known.weights.names


@pytest.mark.parametrize("minutes", [None, 1e-6])
def test_classes_and_structure_are_given_up_when_the_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float | None
) -> None:
    """All particles are denoised, by what was learned before."""
    monkeypatch.setattr(class_learning, "FEWEST", 30)
    monkeypatch.setattr(structure_learning, "FEWEST", 30)
    for course in ("TOGETHER", "APART"):
        monkeypatch.setattr(structure_learning, course, Course(6, 60, 8))
    count = prepared(tmp_path, monkeypatch)
    with collected() as told:
        made = run(asked(minutes))
    assert (made.record.state, made.record.particles) == ("finished", count)
    (known,) = read_sets(Path("Out")).values()
    assert known.weights is not None
    given_up = [
        sentence for sentence in told if "The time for learning from the set was over" in sentence
    ]
    assert (given_up == []) == (minutes is None)
    assert CLASSES not in known.weights.names
    if minutes is not None:
        assert STRUCTURE not in known.weights.names
        assert "without its structure;" in given_up[0]
    assert all("--learn-minutes" in sentence for sentence in given_up)
