"""`iceblock denoise` and `iceblock restore` on CryoSPARC's particles, without a server."""

import json
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.images.cs.table import read_table, write_table
from core.images.particles import read_particles
from core.runs.denoise.learning import SET, WEIGHTS
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run

from .small_project import star_text, write_stack

Run = Callable[..., int]
CS = Path("J5/particles_selected.cs")
KINDS = [
    ("uid", "<u8"), ("blob/path", "S20"), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,)),
    ("blob/psize_A", "<f4"), ("blob/sign", "<f4"), ("alignments2D/class", "<u4"),
]  # fmt: skip
ROWS = [("J3/mic.mrc", 5), ("J4/mic.mrc", 4), ("J3/mic.mrc", 0), ("J4/mic.mrc", 1)]


@pytest.fixture
def cs_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CryoSPARC project folder, not entered, with two stacks of the same name."""
    project = tmp_path / "CS-project"
    write_stack(project / "J3/mic.mrc", 6, 32)
    write_stack(project / "J4/mic.mrc", 5, 32, seed=1)
    records = np.zeros(len(ROWS), dtype=KINDS)
    records["uid"] = [91, 17, 2**63 + 5, 40]
    records["blob/path"] = [path for path, _ in ROWS]
    records["blob/idx"] = [index for _, index in ROWS]
    records["blob/shape"], records["blob/psize_A"], records["blob/sign"] = 32, 4.0, -1.0
    records["alignments2D/class"] = range(4)
    write_table(records, project / CS)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return project


def record() -> dict[str, object]:
    loaded: dict[str, object] = json.loads(Path("Den/run.json").read_text())
    return loaded


@pytest.mark.drawn
def test_real_particles_as_on_the_star_route(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iceblock: Run, model: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = test_data / "particles/empiar10076"
    common = ("--model", model, "-q", "--out")
    table = folder / "empiar_10076_7.cs"
    assert iceblock("denoise", table, "--project-dir", folder, *common, "Cs") == 0
    assert iceblock("denoise", folder / "empiar_10076_7.star", *common, "Star") == 0
    cs, star = (mrcfile.read(next(Path(out).glob("Particles/*.mrc*"))) for out in ("Cs", "Star"))
    np.testing.assert_array_equal(cs, star)
    assert mrcfile.validate("Cs/Particles/empiar_10076_7.mrc")
    before, after = read_table(table), read_table(Path("Cs/particles.cs"))
    for field in before.dtype.names:
        if field not in ("blob/path", "blob/idx", "blob/import_sig"):
            assert after[field].tobytes() == before[field].tobytes()
    assert Path("Cs/report.pdf").read_bytes().startswith(b"%PDF")
    assert iceblock("restore", "Cs/particles.cs", "--raw", table, "--out", "raw.cs") == 0
    assert read_table(Path("raw.cs")).tobytes() == before.tobytes()


def test_paths_start_at_the_project(cs_project: Path, iceblock: Run, model: Path) -> None:
    table = cs_project / CS
    files = {path: path.read_bytes() for path in cs_project.rglob("*.*")}
    arguments = ("--project-dir", cs_project, "--model", model, "--keep-noise", 1, "-q")
    assert iceblock("denoise", table, "--out", "Den", *arguments) == 0
    assert sorted(path.name for path in Path("Den").rglob("*.*")) == [
        "mic.mrc", "mic_2.mrc", "particles.cs", "report.pdf", "run.json", SET,
        WEIGHTS,
    ]  # fmt: skip
    outside = read_particles(Path("Den/particles.cs"))
    assert outside.stacks[0] == str(Path("Den/Particles/mic.mrc").absolute())
    out = cs_project / "J6"
    assert iceblock("denoise", table, "--out", out, *arguments) == 0
    inside = read_particles(out / "particles.cs")
    assert inside.stacks == ("J6/Particles/mic.mrc", "J6/Particles/mic_2.mrc")
    assert inside.indices.tolist() == [1, 1, 0, 0]
    assert {path: path.read_bytes() for path in files} == files
    # With all noise kept, each row has its own raw image again.
    stacks = {name: mrcfile.read(cs_project / name) for name in inside.stacks}
    for row, (path, index) in enumerate(ROWS):
        raw = mrcfile.read(cs_project / path)[index]
        new = stacks[inside.stacks[inside.stack_ids[row]]][inside.indices[row]]
        assert np.corrcoef(raw.ravel(), new.ravel())[0, 1] > 0.999


def test_the_same_command_again_and_another_one(
    cs_project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("denoise", cs_project / CS, "--out", "Den", "--model", model, "-q")
    assert iceblock(*arguments) == 0
    first = Path("Den/Particles/mic.mrc").read_bytes()
    assert iceblock(*arguments) == 0
    assert (record()["computed"], record()["found_whole"]) == (0, 4)
    assert Path("Den/Particles/mic.mrc").read_bytes() == first
    more = np.zeros(4, dtype=[("uid", "<u8"), ("ctf/exp_group_id", "<u4")])
    more["uid"] = read_table(cs_project / CS)["uid"][::-1]
    more["ctf/exp_group_id"] = range(4)
    write_table(more, Path("passthrough.cs"))
    assert iceblock(*arguments, "--passthrough", "passthrough.cs") == 1
    assert "different: passthrough" in capsys.readouterr().err
    assert iceblock(*arguments, "--passthrough", "passthrough.cs", "--overwrite") == 0
    assert read_table(Path("Den/particles.cs"))["ctf/exp_group_id"].tolist() == [3, 2, 1, 0]


def test_a_stopped_run_goes_on(cs_project: Path, model: Path) -> None:
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise InterruptedError

    options = DenoiseOptions(cs_project / CS, Path("Den"), str(model), batch_size=1)
    with pytest.raises(InterruptedError):
        run(options, heartbeat=stop)
    assert not Path("Den/particles.cs").exists()
    run(options)
    run(DenoiseOptions(cs_project / CS, Path("Whole"), str(model), batch_size=1))
    for stack in ("mic.mrc", "mic_2.mrc"):
        done = (Path("Den/Particles") / stack).read_bytes()
        assert done == (Path("Whole/Particles") / stack).read_bytes()
    assert record()["found_whole"] in (1, 2, 3)


def test_contrast_is_as_the_sign_says(cs_project: Path, iceblock: Run, model: Path) -> None:
    table = read_table(cs_project / CS)
    table["blob/sign"] = [-1, 1, -1, 1]
    write_table(table, cs_project / CS)
    arguments = ("denoise", cs_project / CS, "--model", model, "-q", "--out")
    for out, contrast in (("Den", "auto"), ("White", "white"), ("Black", "black")):
        assert iceblock(*arguments, out, "--contrast", contrast) == 0
    assert record()["contrast"] == "white and black"
    for stack, same, other in (("mic.mrc", "Black", "White"), ("mic_2.mrc", "White", "Black")):
        made = Path("Den/Particles", stack).read_bytes()
        assert made == Path(same, "Particles", stack).read_bytes()
        assert made != Path(other, "Particles", stack).read_bytes()


@pytest.mark.parametrize(
    ("sign", "contrast", "told"),
    [
        (-1, "auto", "as blob/sign says"),
        (0, "auto", "told from their mean profile"),
        (-1, "black", "as you said"),
    ],
)
def test_what_told_the_contrast_is_said(
    cs_project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str], sign: int,
    contrast: str, told: str,
) -> None:  # fmt: skip
    """A sign of 0 says nothing: the images are asked."""
    table = read_table(cs_project / CS)
    table["blob/sign"] = sign
    write_table(table, cs_project / CS)
    for name in ("J3", "J4"):
        with mrcfile.open(cs_project / name / "mic.mrc", "r+") as file:
            file.data[:, 10:22, 10:22] -= 30
    more = ("--out", "Den", "--contrast", contrast)
    assert iceblock("denoise", cs_project / CS, "--model", model, *more) == 0
    assert f"note: the particles are black ({told})" in capsys.readouterr().err
    assert (record()["contrast"], record()["contrast_from"]) == ("black", told)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sign_that_the_images_belie_is_told(
    cs_project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str], sign: int
) -> None:
    table = read_table(cs_project / CS)
    table["blob/sign"] = sign
    write_table(table, cs_project / CS)
    arguments = ("denoise", cs_project / CS, "--model", model, "--out")
    for name in ("J3", "J4"):
        with mrcfile.open(cs_project / name / "mic.mrc", "r+") as file:
            file.data[:, 10:22, 10:22] += 30 * sign
    assert iceblock(*arguments, "Den") == 0
    assert "other way round" not in capsys.readouterr().err
    for name in ("J3", "J4"):
        with mrcfile.open(cs_project / name / "mic.mrc", "r+") as file:
            file.data[:] *= -1
    assert iceblock(*arguments, "Other") == 0
    assert "other way round than blob/sign says" in capsys.readouterr().err
    assert json.loads(Path("Other/run.json").read_text())["contrast_doubtful"] is True


def test_what_is_wrong_is_told_in_one_sentence(
    cs_project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: object) -> str:
        assert iceblock(*arguments) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        return error

    denoise = ("denoise", cs_project / CS, "--out", "Den", "--model", model, "-q")
    assert "/nowhere is no folder" in refused(*denoise, "--project-dir", "/nowhere")
    restore = ("restore", cs_project / CS, "--out", "raw.cs")
    assert "--raw" in refused(*restore)
    Path("particles.star").write_text(star_text(["1@a.mrcs"]))
    assert "for two .cs files" in refused(*restore, "--raw", "particles.star")
    assert "belong to .cs files" in refused(
        "denoise", "particles.star", "--project-dir", ".", "--out", "Den", "--model", model
    )
    raw = Path("raw.cs")
    write_table(read_table(cs_project / CS), raw)
    assert "is the input" in refused(*restore, "--raw", raw, "--overwrite")
    (cs_project / "J4/mic.mrc").unlink()
    assert "row 2 names the stack J4/mic.mrc" in refused(*denoise, "--project-dir", cs_project)
    assert not Path("Den").exists()
