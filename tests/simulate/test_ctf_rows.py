"""CTFs of a user's particles, and pairs that have them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core.images.particles import read_particles
from core.remarks import collected
from core.simulate.ctf_rows import CtfRows, RandomCtf, ctf_rows
from core.simulate.pairs import PairGenerator, PairSettings

from ..training_project import STAR


def star(folder: Path, text: str = STAR) -> Path:
    path = folder / "particles.star"
    path.write_text(text.format(size=5.0, box=64))
    return path


def test_the_rows_of_the_particles_are_drawn(tmp_path: Path) -> None:
    rows = ctf_rows(read_particles(star(tmp_path)))
    assert rows is not None
    drawn = rows.draw(np.random.default_rng(0), 200)
    kinds = set(zip(drawn.defocus_u, drawn.defocus_v, drawn.defocus_angle, strict=True))
    assert kinds == {(12000.0, 11900.0, 10.0), (18000.0, 17800.0, 20.0)}
    assert set(drawn.voltage) == {300.0}
    assert 60 < (drawn.defocus_u == 12000).sum() < 140
    assert rows.defocus_range == (11950.0, 17900.0)


def test_particles_without_ctf_give_none(tmp_path: Path) -> None:
    text = STAR.replace("_rlnDefocus", "_rlnOther")
    assert ctf_rows(read_particles(star(tmp_path, text))) is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("18000 17800", "nan 17800", "row 2: defocus u "),
        ("18000 17800", "**** 17800", "row 2: defocus u "),
        ("18000 17800", "18000 1e9", "row 2: defocus v "),
        ("18000 17800", "0 0", "row 2: defocus u "),
        ("18000 17800", "18000 -5", "row 2: defocus v "),
        (" 300 2.7", " 0 2.7", "row 1: voltage "),
        (" 300 2.7", " 300000 2.7", "row 1: voltage "),
    ],
)
def test_rows_that_give_no_ctf_are_told_and_left_out(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with collected() as told:
        rows = ctf_rows(read_particles(star(tmp_path, STAR.replace(old, new))))
    assert says in told[0]
    assert rows is None or len(rows.parameters) == 1


def test_pairs_take_them(tmp_path: Path, make_generator: Callable[..., PairGenerator]) -> None:
    rows = ctf_rows(read_particles(star(tmp_path)))
    usual = make_generator()
    generator = PairGenerator(usual.volumes, usual.noise, PairSettings(group=1), rows)
    pairs = generator.draw(8, 40, np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert set(pairs.ctf.defocus_u) <= {12000.0, 18000.0}
    assert isinstance(rows, CtfRows)
    assert isinstance(usual.ctf, RandomCtf)
