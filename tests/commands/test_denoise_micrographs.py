"""`iceblock denoise-micrographs`: files, tables, resuming, bad input."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image

from core.images.denoised_mark import is_denoised
from core.images.micrographs.reader import list_micrographs
from core.images.star.document import StarFile
from core.runs.micrographs import one as one_micrograph
from core.runs.micrographs.options import MicrographsOptions
from core.runs.micrographs.run import run

from ..noise_project import COORDINATES, DIAMETER, PIXEL, SIDE, write_project

RAW, SCALE = "_rlnIceblockRawMicrographName", "_rlnIceblockRawScale"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, n=2)
    return tmp_path


def arguments(*more: object, source: object = "micrographs.star") -> list[object]:
    return ["denoise-micrographs", source, "--particle-diameter", DIAMETER, "--out", "Den",
            "--threads", 1, "-q", *more]  # fmt: skip


def column(path: str, tag: str) -> list[str]:
    table = StarFile.read(Path(path)).find(tag)
    assert table is not None
    return table.column(tag)


@pytest.mark.drawn
def test_all_that_is_made(here: Path, iceblock) -> None:
    before = {path: path.read_bytes() for path in Path("Micrographs").iterdir()}
    assert iceblock(*arguments("--picks", COORDINATES)) == 0
    names = column("Den/micrographs.star", "_rlnMicrographName")
    assert names == ["Den/Micrographs/mic01.mrc", "Den/Micrographs/mic02.mrc"]
    assert column("Den/micrographs.star", RAW) == ["Micrographs/mic01.mrc", "Micrographs/mic02.mrc"]
    assert column("Den/micrographs.star", "_rlnVoltage") == ["200"]
    for name in names:
        with mrcfile.open(name) as file:
            assert file.data.shape == (SIDE, SIDE)
            assert file.data.dtype == np.float32
            assert float(file.voxel_size.x) == pytest.approx(PIXEL)
            assert float(file.header.rms) == pytest.approx(float(file.data.std()), rel=1e-4)
        assert is_denoised(Path(name))
        with Image.open(Path("Den/Pictures") / f"{Path(name).stem}.png") as picture:
            assert picture.size[0] > 2 * SIDE
    assert Path("Den/report.pdf").stat().st_size > 5000
    assert json.loads(Path("Den/run.json").read_text())["micrographs"] == 2
    assert not Path("Den/.facts").exists()
    assert before == {path: path.read_bytes() for path in Path("Micrographs").iterdir()}
    assert iceblock(*arguments("--picks", COORDINATES)) == 0  # nothing is left to do


def test_working_size_has_its_pixel_size_everywhere(here: Path, iceblock) -> None:
    for path in Path("Micrographs").iterdir():
        with mrcfile.open(path, "r+") as file:
            file.voxel_size = 1.5
    text = Path("micrographs.star").read_text().replace(f" {PIXEL}", " 1.5")
    Path("micrographs.star").write_text(text)
    assert iceblock(*arguments("--size", "working", "--dtype", "float16")) == 0
    found = list_micrographs(Path("Den/micrographs.star"))
    assert found[0].pixel_size == pytest.approx(4.0)
    with mrcfile.open(found[0].path) as file:
        assert file.data.dtype == np.float16
        assert file.data.shape == (84, 84)
        assert float(file.voxel_size.x) == pytest.approx(4.0)
    assert [float(value) for value in column("Den/micrographs.star", SCALE)] == pytest.approx(
        [4 / 1.5] * 2
    )


def test_ctf_columns_and_strange_tokens_stay(here: Path, iceblock) -> None:
    text = Path("micrographs.star").read_text()
    text = text.replace("_rlnOpticsGroup\nMic", "_rlnOpticsGroup\n_rlnDefocusU\n_rlnCtfImage\nMic")
    text = text.replace(".mrc 1\n", ".mrc 1 1.50e+04 CtfFind/x.ctf:mrc\n")
    Path("micrographs.star").write_text(text)
    assert iceblock(*arguments()) == 0
    assert column("Den/micrographs.star", "_rlnDefocusU") == ["1.50e+04"] * 2
    assert column("Den/micrographs.star", "_rlnCtfImage") == ["CtfFind/x.ctf:mrc"] * 2


def test_a_stopped_run_goes_on_to_the_same_bytes(here: Path, monkeypatch) -> None:
    options = MicrographsOptions(
        (Path("micrographs.star"),), Path("Den"), particle_diameter=DIAMETER, threads=1
    )
    run(options)
    whole = {path.name: path.read_bytes() for path in Path("Den/Micrographs").iterdir()}
    shutil.rmtree("Den")
    denoised = []
    real = one_micrograph.denoise_field

    def stop_at_the_second(*given):
        denoised.append(given)
        if len(denoised) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(one_micrograph, "denoise_field", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(options)
    assert not Path("Den/micrographs.star").exists()
    run(options)
    assert len(denoised) == 3
    assert whole == {path.name: path.read_bytes() for path in Path("Den/Micrographs").iterdir()}


def test_two_processes_make_the_same(here: Path, iceblock) -> None:
    assert iceblock(*arguments()) == 0
    assert iceblock(*arguments("--processes", 2, "--out", "Two")) == 0
    for path in Path("Den/Micrographs").iterdir():
        assert path.read_bytes() == (Path("Two/Micrographs") / path.name).read_bytes()


def test_bad_micrographs(here: Path, iceblock, capsys) -> None:
    """Holes, dead lines, integers, TIFF and odd shapes are denoised; what is no image is left out.

    All in one folder, without a STAR file.
    """
    Path("Bad").mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.normal(100, 8, (203, 251)).astype(np.float32)
    broken = pixels.copy()
    broken[50:70, 30:60] = np.nan
    broken[:, 100] = 0
    broken[120:160, 120:160] = 5e4
    for name, data in (("nan", broken), ("int", pixels.astype(np.int16))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # mrcfile's, of the NaN
            mrcfile.write(f"Bad/{name}.mrc", data, voxel_size=2.0)
    tifffile.imwrite("Bad/one.tif", pixels.astype(np.uint16))
    Path("Bad/cut.mrc").write_bytes(Path("Bad/int.mrc").read_bytes()[:5000])
    assert iceblock(*arguments("--pixel-size", 2, source="Bad")) == 0
    assert "1 micrograph of 4 cannot be read" in capsys.readouterr().err
    assert len(column("Den/micrographs.star", RAW)) == 3
    for path in Path("Den/Micrographs").iterdir():
        with mrcfile.open(path) as file:
            assert file.data.shape == (203, 251)
            assert np.isfinite(file.data).all()
    with mrcfile.open("Den/Micrographs/nan.mrc") as file:
        assert np.abs(file.data[130:150, 130:150]).max() < 0.05


def test_what_is_denoised_is_never_raw_again(here: Path, iceblock, capsys) -> None:
    assert iceblock(*arguments()) == 0
    assert iceblock(*arguments("--out", "Again", source="Den/micrographs.star")) == 1
    assert "iceblock denoised" in capsys.readouterr().err
    assert iceblock("noise", "Den/micrographs.star", "--box", 32, "--particle-diameter", DIAMETER,
                    "--out", "Noise") == 1  # fmt: skip
    assert "name the raw" in capsys.readouterr().err


def test_mistakes(here: Path, iceblock, capsys) -> None:
    assert iceblock(*arguments("nothing.mrc")) == 1
    assert "join the tables" in capsys.readouterr().err
    assert iceblock(*arguments("--particle-diameter", 5000)) == 1
    assert "does not fit" in capsys.readouterr().err
