"""A run goes on wherever its project lies now, and a set that has grown is continued."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from core.denoise.generator import Generator
from core.denoise.model_file import save_model
from core.errors import IceblockError
from core.remarks import collected
from core.runs import stamps
from core.runs.denoise import report
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run
from core.runs.stamps import sampled, sampled_all, stamp

from ..commands.small_project import star_text, write_stack
from ..training_project import CARD, TINY

STAR = Path("Extract/job003/particles.star")
SIZES = (5, 4, 6)
MODEL = "tiny.safetensors"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, entered, with three stacks of the same name."""
    folder = tmp_path / "here"
    for k, n in enumerate(SIZES):
        write_stack(folder / f"Extract/job003/{k}/mic.mrcs", n, 32, seed=k)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(report, "write_report", lambda path, *rest: path.touch())
    torch.manual_seed(0)
    save_model(tmp_path / MODEL, Generator(TINY), CARD)
    list_particles(3)
    return folder


def list_particles(stacks: int, sizes: tuple[int, ...] = SIZES) -> None:
    STAR.write_text(star_text([
        f"{k + 1:06d}@Extract/job003/{stack}/mic.mrcs"
        for stack in range(stacks) for k in range(sizes[stack])
    ]))  # fmt: skip


def denoise(star: Path = STAR, out: Path = Path("Den"), **changes: object) -> dict[str, object]:
    above = (Path.cwd(), *Path.cwd().parents)
    model = next(f / MODEL for f in above if (f / MODEL).exists())
    options = DenoiseOptions(star, out, str(model), "cpu", batch_size=2, **changes)  # type: ignore[arg-type]
    return run(options).record.plain()


def stop_half_way() -> None:
    """Leave what a run leaves that was killed after its first stack."""
    record = json.loads(Path("Den/run.json").read_text())
    Path("Den/run.json").write_text(json.dumps(record | {"state": "running"}))
    for name in ("Particles/mic_2.mrcs", "Particles/mic_3.mrcs", "particles.star"):
        Path("Den", name).unlink()


def copied_without_times(project: Path) -> tuple[Path, Path]:
    shutil.copytree(project, project.parent / "there", copy_function=shutil.copy)
    shutil.rmtree(project)
    os.chdir(project.parent / "there")
    return STAR, Path("Den")


def moved(project: Path) -> tuple[Path, Path]:
    project.rename(project.parent / "there")
    os.chdir(project.parent / "there")
    return STAR, Path("Den")


def absolutely(project: Path) -> tuple[Path, Path]:
    return STAR.absolute(), Path("Den").absolute()


def from_above(project: Path) -> tuple[Path, Path]:
    os.chdir(project.parent)
    return project.name / STAR, Path(project.name, "Den")


def through_a_link(project: Path) -> tuple[Path, Path]:
    (project.parent / "link").symlink_to(project)
    return project.parent / "link" / STAR, project.parent / "link/Den"


def dated_anew(project: Path) -> tuple[Path, Path]:
    for path in project.rglob("*.*"):
        os.utime(path, (1e9, 1e9))
    return STAR, Path("Den")


@pytest.mark.parametrize(
    "change",
    [copied_without_times, moved, absolutely, from_above, through_a_link, dated_anew],
    ids=lambda change: change.__name__,
)
def test_a_stopped_run_goes_on(project: Path, change: Callable[[Path], tuple[Path, Path]]) -> None:
    denoise()
    expected = {path.name: path.read_bytes() for path in Path("Den/Particles").iterdir()}
    stop_half_way()
    kept = Path("Den/Particles/mic.mrcs").stat().st_mtime_ns
    star, out = change(project)
    record = denoise(star, out)
    assert (record["found_whole"], record["computed"]) == (5, 10)
    assert {p.name: p.read_bytes() for p in (out / "Particles").iterdir()} == expected
    if change is not copied_without_times and change is not dated_anew:
        assert (out / "Particles/mic.mrcs").stat().st_mtime_ns == kept


def test_a_set_that_has_grown_is_continued(project: Path) -> None:
    list_particles(2)
    denoise()
    first = {p.name: p.stat().st_ino for p in Path("Den/Particles").iterdir()}
    list_particles(3)
    with collected(None) as said:
        record = denoise()
    assert (record["found_whole"], record["computed"], record["grown"]) == (9, 6, 2)
    assert any("grown from 2 to 3 stacks" in sentence for sentence in said)
    assert {name: Path("Den/Particles", name).stat().st_ino for name in first} == first
    assert Path("Den/particles.star").read_text().count("@Den/Particles/") == 15
    with collected(None) as said:  # it stays known
        assert denoise()["found_whole"] == 15
    assert any("grown" in sentence for sentence in said)
    assert "grown" not in denoise(overwrite=True)


def test_a_grown_set_needs_what_the_first_stacks_taught(project: Path) -> None:
    list_particles(2)
    denoise()
    Path("Den/set.safetensors").unlink()
    list_particles(3)
    with pytest.raises(IceblockError, match="learned from the first stacks"):
        denoise()
    assert Path("Den/particles.star").is_file()
    assert denoise(overwrite=True)["computed"] == 15


@pytest.mark.parametrize("change", ["image", "fewer stacks", "more of a stack"])
def test_another_set_is_refused(project: Path, change: str) -> None:
    denoise()
    before = Path("Den/particles.star").read_bytes()
    if change == "image":
        times = Path("Extract/job003/1/mic.mrcs").stat()
        with mrcfile.open("Extract/job003/1/mic.mrcs", "r+") as file:
            file.data[3] += 1
        os.utime("Extract/job003/1/mic.mrcs", ns=(times.st_atime_ns, times.st_mtime_ns))
    elif change == "fewer stacks":
        list_particles(2)
    else:
        write_stack(Path("Extract/job003/1/mic.mrcs"), 7, 32, seed=1)
        list_particles(3, (5, 7, 6))
    with pytest.raises(IceblockError, match=r"different: stacks\); what it holds stays"):
        denoise()
    assert Path("Den/particles.star").read_bytes() == before


def test_records_of_older_versions_are_told(project: Path) -> None:
    denoise()
    record = json.loads(Path("Den/run.json").read_text())
    for older in ({"version": "0.0.9"}, {"stacks": "0123"}):
        old = record | {"iceblock": "0.0.9", "identity": record["identity"] | older}
        Path("Den/run.json").write_text(json.dumps(old))
        with pytest.raises(IceblockError, match=r"another version of iceblock \(0.0.9\)"):
            denoise()
    assert denoise(overwrite=True)["computed"] == 15


def test_large_files_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "WHOLE", 1000)
    path = tmp_path / "a.mrcs"
    data = np.random.default_rng(0).bytes(500_000)
    path.write_bytes(data)
    first = sampled(path)
    seen = set()
    for place in (0, 1024, (len(data) - 4096) * 7 // 15, len(data) - 1):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        seen.add(sampled(path))
    path.write_bytes(data + b"x")
    assert first not in {*seen, sampled(path)}
    path.write_bytes(data)
    assert sampled_all([path, path]) == {path: first}


def test_a_bank_by_its_folder_or_its_table(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "blocks.star").write_text("data_")
        (tmp_path / folder / "blocks.mrcs").write_bytes(b"blocks")
    assert stamp(tmp_path / "a") == stamp(tmp_path / "b/blocks.star")
    (tmp_path / "b/blocks.mrcs").write_bytes(b"other")
    assert stamp(tmp_path / "a") != stamp(tmp_path / "b/blocks.star")
