"""The demonstration's RELION project: what its files say of each other, and its particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
import starfile

from core.errors import IceblockError
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import list_micrographs
from core.runs.demo_project import run
from core.simulate.project_contents import ProjectSettings
from core.simulate.project_tables import MICROGRAPHS, PARTICLES, PICKS, PICKS_31, REFERENCE

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = ProjectSettings(micrographs=2, side=320, tried=12)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "project"
    assert run(folder, SETTINGS) >= 6
    return folder


@pytest.mark.parametrize("listed", [PICKS, PICKS_31])
def test_picks_are_where_the_particles_were_cut_out(project: Path, listed: str) -> None:
    particles = starfile.read(project / PARTICLES)["particles"]
    micrographs = list_micrographs(project / MICROGRAPHS)
    picks = read_picks(project / listed, micrographs)
    assert picks.total == len(particles)
    for micrograph in micrographs:
        rows = particles[particles.rlnMicrographName == micrograph.name]
        places = picks.of(micrograph.name)
        np.testing.assert_array_equal(places, rows[["rlnCoordinateY", "rlnCoordinateX"]])


def test_particles_are_their_micrographs_pixels_in_white(project: Path) -> None:
    particles = starfile.read(project / PARTICLES)["particles"]
    row = particles.iloc[0]
    index, _, stack = row.rlnImageName.partition("@")
    particle = mrcfile.read(project / stack)[int(index) - 1]
    pixels = mrcfile.read(project / row.rlnMicrographName)
    half = SETTINGS.box // 2
    y, x = int(row.rlnCoordinateY), int(row.rlnCoordinateX)
    cut = pixels[y - half : y + half, x - half : x + half]
    assert np.corrcoef(particle.ravel(), -cut.ravel())[0, 1] == pytest.approx(1, abs=1e-4)
    images = np.concatenate([mrcfile.read(f) for f in sorted(project.glob("Extract/*/*/*.mrcs"))])
    mean = images.mean(axis=0)
    assert mean[half - 8 : half + 8, half - 8 : half + 8].mean() > mean[:8].mean() + 0.1


def test_the_reference_is_what_the_particles_show(project: Path) -> None:
    from core.simulate.volumes import read_volume

    volume = read_volume(project / REFERENCE, SETTINGS.pixel_size)
    assert volume.box == SETTINGS.box
    assert volume.data.max() > 10 * volume.data.std()


def test_the_pipeline_lists_files_that_are_there(project: Path) -> None:
    pipeline = starfile.read(project / "default_pipeline.star")
    for node in pipeline["pipeline_nodes"].rlnPipeLineNodeName:
        assert (project / node).is_file()
    assert int(pipeline["pipeline_general"]["rlnPipeLineJobCounter"]) == 13


def test_nothing_is_written_where_something_is(project: Path) -> None:
    before = sorted(project.rglob("*"))
    with pytest.raises(IceblockError, match="already holds something; name a new folder"):
        run(project, SETTINGS)
    assert sorted(project.rglob("*")) == before
    assert not list(project.parent.glob(".iceblock-demo-*"))


def test_the_same_project_each_time(project: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()  # an empty folder may be there
    run(tmp_path / "again", SETTINGS)
    files = [path for path in project.rglob("*") if path.is_file()]
    for path in files:
        again = tmp_path / "again" / path.relative_to(project)
        assert again.read_bytes() == path.read_bytes(), path
