"""The report of a run says what was learned of its set, shows it, and says when nothing was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from core.figures.set_gallery import COLUMNS, ROWS, set_page, strongest
from core.runs.denoise import report
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run
from core.sets.covariance.learn import learn
from core.sets.covariance.set_prior import SetPrior
from core.signal.ctf import CtfParameters

from .set_project import MODEL, STAR, N, simulated, write_model, write_stacks, write_star


@pytest.fixture(scope="module")
def particles() -> tuple[np.ndarray, CtfParameters]:
    return simulated()


@pytest.fixture(scope="module")
def prior(particles: tuple[np.ndarray, CtfParameters]) -> SetPrior:
    found = learn(torch.from_numpy(particles[0]), particles[1], 4.0)
    assert found is not None
    return found


Told = Callable[..., tuple[dict[str, str], list[str], list[Figure]]]


@pytest.fixture
def told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    particles: tuple[np.ndarray, CtfParameters],
) -> Told:
    """Denoise the first particles of a project; gives the facts, the notes, and the last pages."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path)
    write_stacks(tmp_path, particles[0])

    def call(n: int, **changes: Any) -> tuple[dict[str, str], list[str], list[Figure]]:
        write_star(tmp_path, particles[1], n)
        said: list[Any] = []

        def write_report(
            path: Path,
            sample: object,
            card: object,
            facts: list[tuple[str, str]],
            notes: list[str],
            further: list[Figure],
        ) -> None:
            said.extend([dict(facts), notes, further])

        monkeypatch.setattr(report, "write_report", write_report)
        run(DenoiseOptions(STAR, Path("Out"), MODEL, "cpu", threads=1, **changes))
        return tuple(said)

    return call


def test_what_was_learned_is_said_and_shown(told: Told) -> None:
    facts, notes, pages = told(N)
    assert f"learned from {N} images in all their turns" in facts["set"]
    assert "of the result" in facts["set"]
    assert not any("by itself" in note for note in notes)
    told_page, page = pages
    assert page.get_suptitle().startswith("What the particles of this set have in common")
    assert facts["evidence"].startswith("On this set's own images: correlation with the truth")
    assert told_page.get_suptitle().startswith("What the set's own images tell")
    table, curves = told_page.axes
    assert {"raw", "network", "result"} <= {
        cell.get_text().get_text() for cell in table.tables[0].get_celld().values()
    }
    assert [line.get_label() for line in curves.lines][-1] == "result"


@pytest.mark.parametrize(
    ("n", "changes", "words"),
    [(60, {}, "60 images: too few to learn from"), (N, {"each_alone": True}, "each-alone")],
)
def test_why_nothing_was_learned(told: Told, n: int, changes: dict[str, Any], words: str) -> None:
    facts, notes, pages = told(n, **changes)
    assert "set" not in facts
    assert not pages
    (note,) = (note for note in notes if "by itself" in note)
    assert words in note


def test_too_few_usable_images_are_said(
    told: Told, particles: tuple[np.ndarray, CtfParameters]
) -> None:
    spoilt = particles[0].copy()
    spoilt[::2] = 0
    write_stacks(Path(), spoilt)
    facts, notes, _ = told(N)
    assert "set" not in facts
    assert any("or too few of them can be used" in note for note in notes)


def test_a_pair_is_shown_once(prior: SetPrior) -> None:
    components, parts = strongest(prior, len(prior.components))
    assert len(components) < len(prior.components) <= 2 * len(components)
    energies = np.square(components).sum(axis=(1, 2))  # those of a pair are turns of each other
    assert len(np.unique(energies.round(5))) == len(components)
    assert parts.sum() == pytest.approx(1)
    assert (np.diff(parts) <= 0).all()
    some, strong = strongest(prior, 3)
    assert np.array_equal(some, components[:3])
    assert np.array_equal(strong, parts[:3])


def test_the_page_shows_the_mean_and_the_strongest(prior: SetPrior) -> None:
    page = set_page(prior)
    (axes,) = page.axes
    words = [text.get_text() for text in axes.texts if "Å" not in text.get_text()]
    _, parts = strongest(prior, COLUMNS * ROWS - 1)
    assert words == ["mean", *(f"{100 * part:.1f} %" for part in parts)]
    (picture,) = axes.images
    drawn = np.asarray(picture.get_array())
    height, width = drawn.shape
    tile = drawn[: height // ROWS, : width // COLUMNS][1:-1, 1:-1]
    wanted = prior.mean.numpy()[: tile.shape[0], : tile.shape[1]]
    assert np.corrcoef(tile.ravel(), wanted.ravel())[0, 1] > 0.99
