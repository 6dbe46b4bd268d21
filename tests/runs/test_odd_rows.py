"""One row or a small difference must not cost a set what can be learned from it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import torch

from core.denoise.views import set_of, sets_among
from core.images.particles import read_particles
from core.runs.denoise import report
from core.runs.denoise.learning import SET
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run
from core.sets.covariance.set_file import read_priors
from core.signal.ctf import CtfParameters

from ..images.faces import cs_records
from .set_project import (
    BOX,
    EACH,
    MODEL,
    PIXEL_SIZE,
    STACKS,
    STAR,
    N,
    no_pages,
    simulated,
    write_model,
    write_stacks,
    write_star,
)

__all__ = ["no_pages"]

ODD = 70
CS = Path("particles.cs")
Particles = tuple[np.ndarray, CtfParameters]


@pytest.fixture(scope="module")
def particles() -> Particles:
    return simulated()


@pytest.fixture
def project(particles: Particles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_model(tmp_path)
    write_stacks(tmp_path, particles[0])
    write_star(tmp_path, particles[1])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def denoise(out: str, **changes: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """Give the images in the order of the rows, and the record."""
    usual: dict[str, Any] = {"particles": STAR, "model": MODEL, "device": "cpu", "threads": 1}
    record = run(DenoiseOptions(out=Path(out), **{**usual, **changes})).record.plain()
    made = read_particles(Path(out, changes.get("particles", STAR)))
    stacks = [mrcfile.read(made.path_of(name)).reshape(-1, BOX, BOX) for name in made.stacks]
    rows = zip(made.stack_ids, made.indices, strict=True)
    return np.stack([stacks[stack][index] for stack, index in rows]), record


def without_row(row: int) -> None:
    lines = STAR.read_text().splitlines(keepends=True)
    (at,) = [k for k, line in enumerate(lines) if line.startswith(_name(row))]
    STAR.write_text("".join(lines[:at] + lines[at + 1 :]))


def _name(row: int) -> str:
    return f"{row % EACH + 1:06d}@{row // EACH}.mrcs"


def spoil(row: int, ctf: CtfParameters, name: str, token: str) -> None:
    """Write a token in the place of a number of one row."""
    value = f"{getattr(ctf, name)[row]:.6f}"
    lines = STAR.read_text().splitlines(keepends=True)
    (at,) = [k for k, line in enumerate(lines) if line.startswith(_name(row))]
    assert value in lines[at]
    lines[at] = lines[at].replace(value, token, 1)
    STAR.write_text("".join(lines))


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Least correlation of images with their counterparts."""
    a, b = (x.reshape(len(x), -1) for x in (one, other))
    return min(float(np.corrcoef(x, y)[0, 1]) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("name", "token"),
    [
        *(("defocus_u", token) for token in ("nan", "inf", "None", "****", "1e9", "0")),
        ("defocus_v", "-1e9"),
        ("defocus_angle", "nan"),
    ],
)
def test_an_odd_row_counts_alone(
    project: Path, particles: Particles, name: str, token: str
) -> None:
    spoil(ODD, particles[1], name, token)
    found, record = denoise("Odd")
    (said,) = [w for w in record["warnings"] if "CTF" in w]
    assert f"1 of {N} rows has no CTF that can be true (the first is row {ODD + 1}: " in said
    assert said in json.loads(Path("Odd/run.json").read_text())["warnings"]
    alone, _ = denoise("Alone", each_alone=True)
    without_row(ODD)
    rest, less = denoise("Rest")
    assert not [w for w in less["warnings"] if "CTF" in w]
    assert record["sets"] == less["sets"]
    np.testing.assert_allclose(np.delete(found, ODD, axis=0), rest, atol=1e-3 * rest.std())
    np.testing.assert_allclose(found[ODD], alone[ODD], atol=1e-4 * rest.std())


@pytest.mark.parametrize(("name", "value"), [("defocus_u", np.nan), ("voltage", 3e5)])
def test_an_odd_row_of_a_cs_file_counts_alone(
    project: Path, particles: Particles, name: str, value: float
) -> None:
    images = [(f"{k // EACH}.mrcs", k % EACH) for k in range(N)]
    usual = {key: column.tolist() for key, column in vars(particles[1]).items()}
    usual[name][ODD] = value
    records = cs_records(images, optics={1: (PIXEL_SIZE, BOX)}, ctf=usual)
    with CS.open("wb") as file:
        np.save(file, records)
    found, record = denoise("Odd", particles=CS, contrast="white")
    assert any(f"the first is row {ODD + 1}: {name.replace('_', ' ')}" in w
               for w in record["warnings"])  # fmt: skip
    with CS.open("wb") as file:
        np.save(file, np.delete(records, ODD))
    rest, less = denoise("Rest", particles=CS, contrast="white")
    assert record["sets"] == less["sets"]
    np.testing.assert_allclose(np.delete(found, ODD, axis=0), rest, atol=1e-3 * rest.std())


def test_a_negative_defocus_is_used_and_told_once(project: Path, particles: Particles) -> None:
    over = np.where(np.arange(N) < 3, -1.0, 1.0)
    told = particles[1]
    told = replace(told, defocus_u=over * told.defocus_u, defocus_v=over * told.defocus_v)
    write_star(project, told)
    _, record = denoise("Over")
    (said,) = [w for w in record["warnings"] if "defocus" in w]
    assert f"3 of {N} rows have a negative defocus (the first is row 1: -" in said
    assert record["sets"][0]["learned_from"] == N


def test_a_defocus_of_nothing_is_one_of_a_phase_plate(project: Path, particles: Particles) -> None:
    focused = replace(particles[1], defocus_u=np.full(N, 20.0), defocus_v=np.full(N, 10.0))
    write_star(project, focused)
    assert any(f"{N} of {N} rows have no CTF" in w for w in denoise("Plain")[1]["warnings"])
    write_star(project, replace(focused, phase_shift=np.full(N, 90.0)))
    assert not [w for w in denoise("Plate")[1]["warnings"] if "CTF" in w]


def test_only_odd_rows_are_learned_from_without_ctfs(project: Path, particles: Particles) -> None:
    percent = np.full(N, 10.0)
    write_star(project, replace(particles[1], amplitude_contrast=percent))
    found, record = denoise("Odd")
    assert any(f"{N} of {N} rows have no CTF" in w for w in record["warnings"])
    write_star(project, None)
    assert np.array_equal(denoise("None")[0], found)


def sets(record: dict[str, Any]) -> list[tuple[int, float, int]]:
    return [(s["box"], s["pixel_size"], s["learned_from"]) for s in record["sets"]]


def test_pixel_sizes_that_differ_little_are_one_set(project: Path, particles: Particles) -> None:
    plain, known = denoise("Plain")
    sizes = tuple(PIXEL_SIZE + 0.0001 * k for k in range(40))
    write_star(project, particles[1], pixel_sizes=sizes)
    found, record = denoise("Forty")
    assert sets(record) == sets(known) == [(BOX, PIXEL_SIZE, N)]
    assert alike(found, plain) > 0.99
    assert not [w for w in record["warnings"] if "by itself" in w]
    write_star(project, particles[1], pixel_sizes=sizes[::-1])
    again, other = denoise("Backwards")
    assert sets(other) == sets(known)
    assert alike(again, plain) > 0.99


def test_one_percent_is_one_set_with_the_ctfs_it_needs(project: Path, particles: Particles) -> None:
    """Half the images are said to have larger pixels, and a defocus that makes up for it."""
    plain, _ = denoise("Plain")
    sizes = (PIXEL_SIZE, 1.009 * PIXEL_SIZE)
    times = np.where(np.arange(N) % 2, 1.009, 1.0)
    told = particles[1]
    told = replace(
        told,
        defocus_u=told.defocus_u * times**2,
        defocus_v=told.defocus_v * times**2,
        spherical_aberration=told.spherical_aberration * times**4,
    )
    write_star(project, told, pixel_sizes=sizes)
    found, record = denoise("Two")
    ((key, prior),) = read_priors(Path("Two", SET)).items()
    assert key == (BOX, PIXEL_SIZE)
    assert record["sets"][0]["learned_from"] == prior.count
    (same,) = read_priors(Path("Plain", SET)).values()
    torch.testing.assert_close(prior.transfers, same.transfers, rtol=1e-3, atol=1e-4)
    assert prior.signal == pytest.approx(same.signal, rel=1e-4)
    assert alike(found, plain) > 0.99


def test_many_sets_are_told_in_few_lines(
    project: Path, particles: Particles, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[tuple[Any, ...]] = []
    monkeypatch.setattr(report, "write_report", lambda path, *rest: pages.append(rest))
    sizes = tuple(PIXEL_SIZE * 1.02**k for k in range(40))
    write_star(project, particles[1], pixel_sizes=sizes)
    _, record = denoise("Many")
    (said,) = [w for w in record["warnings"] if "too few to learn" in w]
    assert f"and 37 more (box, pixel size): {N} images: too few" in said
    assert len(record["warnings"]) <= 5
    assert (record["stacks"], record["particles"]) == (STACKS, N)
    (of,) = [text for name, text in pages[0][2] if name == "particles"]
    assert of.startswith(f"{N} in {STACKS} stacks (")
    facts = [text for name, text in pages[0][2] if name == "box, pixel size"]
    assert (len(facts), facts[-1]) == (4, "and 37 more")


def test_sets_do_not_depend_on_the_order() -> None:
    sizes = [4.0, 4.02, 4.04, 4.0404, 4.05, 4.08]
    kinds = [(32, size) for size in sizes] + [(48, 4.0)]
    assert sets_among(kinds) == sets_among(kinds[::-1]) == [(32, 4.0), (32, 4.0404), (48, 4.0)]
    found = sets_among(kinds)
    assert [set_of(found, *kind) for kind in kinds] == [
        (32, 4.0), (32, 4.0), (32, 4.0), (32, 4.0404), (32, 4.0404), (32, 4.0404), (48, 4.0),
    ]  # fmt: skip
    assert set_of(found, 32, 3.97) == (32, 4.0)
    assert set_of(found, 32, 3.95) is None
    assert set_of(found, 48, 4.1) is None
