"""`iceblock restore` of picks that were made on denoised micrographs: raw names, raw places."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.images.cs.table import read_table, write_table
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import list_micrographs
from core.images.star.document import StarFile

from ..noise_project import DIAMETER, SIDE, write_project


@pytest.fixture(scope="module", params=["full", "working"])
def made(request, tmp_path_factory) -> tuple[Path, float]:
    """A project with denoised micrographs, and the raw pixels in one of theirs."""
    from core.runs.micrographs.options import MicrographsOptions
    from core.runs.micrographs.run import run

    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project(Path(), n=2)
        text = Path("micrographs.star").read_text().replace(" 4.0\n", " 1.5\n")
        Path("micrographs.star").write_text(text)
        run(
            MicrographsOptions(
                (Path("micrographs.star"),), Path("External/job005"), threads=1,
                particle_diameter=DIAMETER, size=request.param,
            )
        )  # fmt: skip
    return folder, 1.0 if request.param == "full" else 4 / 1.5


@pytest.fixture
def here(made, tmp_path, monkeypatch) -> tuple[Path, float]:
    folder, scale = made
    shutil.copytree(folder, tmp_path / "p")
    monkeypatch.chdir(tmp_path / "p")
    return tmp_path / "p", scale


def write_picks(scale: float, folder: str = "AutoPick/job006") -> dict[str, np.ndarray]:
    """Write what RELION's AutoPick makes on the denoised micrographs; gives the raw places."""
    raw, rows, listed = {}, [], []
    (Path(folder) / "Micrographs").mkdir(parents=True)
    for k in (1, 2):
        places = np.random.default_rng(k).uniform(10, SIDE - 10, (5, 2))
        raw[f"Micrographs/mic0{k}.mrc"] = places
        name = f"External/job005/Micrographs/mic0{k}.mrc"
        file = f"{folder}/Micrographs/mic0{k}_autopick.star"
        text = "".join(f"{x / scale:.4f} {y / scale:.4f} 0.5\n" for y, x in places)
        head = "\ndata_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n"
        Path(file).write_text(f"{head}_rlnAutopickFigureOfMerit #3\n{text}")
        listed.append(f"{name} {file}")
        rows += [f"{x / scale:.4f} {y / scale:.4f} {name}" for y, x in places]
    Path(folder, "autopick.star").write_text(
        "\ndata_coordinate_files\n\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\n"
        + "\n".join([*listed, "", ""])
    )
    Path(folder, "coords_suffix_autopick.star").write_text("External/job005/micrographs.star\n")
    Path(folder, "rows.star").write_text(
        "\ndata_particles\n\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnMicrographName\n"
        + "\n".join([*rows, "", ""])
    )
    return raw


@pytest.mark.parametrize("name", ["autopick.star", "coords_suffix_autopick.star", "rows.star"])
def test_every_form_of_picks(here, iceblock, name: str) -> None:
    _, scale = here
    wanted = write_picks(scale)
    assert iceblock("restore", f"AutoPick/job006/{name}", "--out", f"Restored/{name}") == 0
    picks = read_picks(Path("Restored") / name, list_micrographs(Path("micrographs.star")))
    for micrograph, places in wanted.items():
        assert picks.of(micrograph) == pytest.approx(places, abs=1e-3)


def test_the_table_of_micrographs(here, iceblock) -> None:
    assert iceblock("restore", "External/job005/micrographs.star", "--out", "raw.star") == 0
    first, again = (list_micrographs(Path(path)) for path in ("micrographs.star", "raw.star"))
    assert [one.name for one in again] == [one.name for one in first]
    assert [one.pixel_size for one in again] == pytest.approx([one.pixel_size for one in first])
    assert StarFile.read(Path("raw.star")).find("_rlnIceblockRawMicrographName") is None


def test_locations_of_cryosparc(here, iceblock) -> None:
    _, scale = here
    side = round(SIDE / scale) if scale == 1 else 84
    kind = np.dtype([
        ("uid", "u8"), ("location/micrograph_path", "S80"),
        ("location/micrograph_shape", "u4", (2,)),
        ("location/center_x_frac", "f4"), ("location/center_y_frac", "f4"),
    ])  # fmt: skip
    records = np.zeros(1, kind)
    records["uid"], records["location/micrograph_shape"] = 7, side
    records["location/micrograph_path"] = b"External/job005/Micrographs/mic02.mrc"
    records["location/center_x_frac"] = 60 / scale / side
    records["location/center_y_frac"] = 150 / scale / side
    write_table(records, Path("picks.cs"))
    assert iceblock("restore", "picks.cs", "--out", "raw.cs") == 0
    made = read_table(Path("raw.cs"))
    assert made["location/micrograph_path"][0] == b"Micrographs/mic02.mrc"
    assert made["location/micrograph_shape"][0].tolist() == [SIDE, SIDE]
    assert made["location/center_x_frac"][0] * SIDE == pytest.approx(60, abs=1e-3)
    assert made["location/center_y_frac"][0] * SIDE == pytest.approx(150, abs=1e-3)


def test_mistakes(here, iceblock, capsys) -> None:
    write_picks(here[1])
    source = "AutoPick/job006/coords_suffix_autopick.star"
    assert iceblock("restore", source, "--out", "raw.star") == 1
    assert "coords_suffix_NAME.star" in capsys.readouterr().err
    shutil.rmtree("External/job005")
    assert iceblock("restore", source, "--out", "R/coords_suffix_autopick.star") == 1
    assert "no table of denoised micrographs" in capsys.readouterr().err
