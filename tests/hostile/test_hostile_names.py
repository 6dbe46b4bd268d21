"""Names that were chosen to do harm: nothing is written elsewhere, nothing is run, one sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.commands.main import main
from core.errors import IceblockError
from core.images.cs.export import export_star
from core.images.cs.exposures import write_micrographs
from core.images.cs.particles import CsParticles
from core.images.mrc.writer import StackWriter
from core.images.particles import read_particles
from core.images.star.image_names import image_name
from core.images.star.tokens import quote
from core.runs.denoise.options import UNUSABLE
from core.runs.labelled import gather

from ..bank_parts import make_bank
from ..noise_project import write_blind_model
from ..tiny_model import write_tiny_model
from ..told import error_of
from .hostile_names import BOX, NOT_UTF8, ODD, UNFIT, cs, set_traps, snapshot, star, write_images

Run = Callable[..., str]


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something precious and a project, which is entered."""
    (tmp_path / "precious").write_text("not to be touched")
    (tmp_path / "project/S").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


@pytest.fixture
def iceblock_says(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command line; gives the sentence of an error, or nothing."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["iceblock", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        said = capfd.readouterr().err
        assert "Traceback" not in said
        if status == 0:
            return ""
        assert status == 1, said
        assert len(said) < 2500
        assert said.replace("\n", "").isprintable()
        error = error_of(said)
        assert error.startswith("iceblock: ")
        return error

    return run


def denoise(table: Path, model: Path) -> list[object]:
    return ["denoise", table, "--out", "Den", "--model", model, "--threads", 1, "-q"]


def test_odd_names_of_a_star_file_work(world: Path, iceblock_says: Run, small_model: Path) -> None:
    stacks = [f"S/../S/{stem}.mrcs" if number % 2 else f"S/{stem}.mrcs"
              for number, stem in enumerate(ODD)]  # fmt: skip
    write_images(world / "outside.mrcs")
    (Path("S") / "linked.mrcs").symlink_to(world / "outside.mrcs")
    stacks += [str(world / "outside.mrcs"), "../outside.mrcs", "S/linked.mrcs"]
    for stack in stacks[: len(ODD)]:
        write_images(Path(stack))
    table = star([quote(image_name(number % 2, stack)) for number, stack in enumerate(stacks)])
    before = snapshot(world, Path("project/Den"), Path("project/raw.star"))
    assert iceblock_says(*denoise(table, small_model)) == ""
    assert iceblock_says("restore", "Den/particles.star", "--out", "raw.star") == ""
    assert snapshot(world, Path("project/Den"), Path("project/raw.star")) == before
    made = {path.name for path in Path("Den/Particles").iterdir()}
    assert len(made) == len(stacks)
    assert read_particles(Path("raw.star")).stacks == tuple(stacks)
    assert {
        Path(s).parent.as_posix() for s in read_particles(Path("Den/particles.star")).stacks
    } == {"Den/Particles"}


def test_odd_names_of_a_cs_file_work(world: Path, iceblock_says: Run, small_model: Path) -> None:
    stacks = [f"S/{stem}.mrc".encode() for stem in ODD] + [b"S/" + NOT_UTF8 + b".mrc"]
    for stack in stacks:
        write_images(Path(os.fsdecode(stack)))
    with mrcfile.open(os.fsdecode(stacks[-1]), "r+") as file:
        file.data[:] = 1  # cannot be denoised, and is listed by its name
    table = cs(stacks)
    before = snapshot(world, Path("project/Den"), Path("project/raw.cs"))
    assert iceblock_says(*denoise(table, small_model)) == ""
    restore = ("restore", "Den/particles.cs", "--raw", table, "--out", "raw.cs")
    assert iceblock_says(*restore) == ""
    assert snapshot(world, Path("project/Den"), Path("project/raw.cs")) == before
    assert Path("raw.cs").read_bytes() == table.read_bytes()
    assert len(list(Path("Den/Particles").iterdir())) == len(stacks)
    assert (Path("Den") / UNUSABLE).read_bytes() == b"000001@" + stacks[-1] + b"\n"


def test_odd_names_are_exported_as_links(world: Path) -> None:
    stacks = [f"S/{stem}.mrc" for stem in ODD]
    for stack in stacks:
        write_images(Path(stack))
    particles = CsParticles.read(cs([stack.encode() for stack in stacks]))
    before = snapshot(world, Path("project/Out"))
    export_star(particles, Path("Out/exported.star"))
    assert snapshot(world, Path("project/Out")) == before
    exported = read_particles(Path("Out/exported.star"))
    targets = [Path(stack).resolve() for stack in exported.stacks]
    assert targets == [Path(stack).resolve() for stack in stacks]


@pytest.mark.parametrize("stem", [*UNFIT, os.fsdecode(NOT_UTF8)])
def test_unfit_names_are_refused_before_anything_is_made(
    world: Path, iceblock_says: Run, small_model: Path, stem: str
) -> None:
    stack = f"S/{stem}.mrc"
    write_images(Path(stack))
    table = cs([os.fsencode(stack)])
    before = snapshot(world)
    with pytest.raises(IceblockError, match=r"cannot stand in a STAR file|control character"):
        export_star(CsParticles.read(table), Path("exported.star"))
    records = CsParticles.read(cs([b"S/x.mrc"], world / "other.cs")).records
    records = records.astype([(n, *([("S40")] if records.dtype[n].kind == "S" else
                              [records.dtype[n].base, records.dtype[n].shape]))
                              for n in records.dtype.names])  # fmt: skip
    records["micrograph_blob/path"] = os.fsencode(stack)
    with pytest.raises(IceblockError, match="cannot stand in a STAR file"):
        write_micrographs(records, table, Path("micrographs.star"))
    (world / "other.cs").unlink()
    if stem.isprintable() or stem == os.fsdecode(NOT_UTF8):
        assert snapshot(world) == before
        return
    assert "control character" in iceblock_says(*denoise(table, small_model))
    token = f"\n;000001@{stack}\n;\n"
    assert iceblock_says(*denoise(star([token], world / "p.star"), small_model)) != ""
    (world / "p.star").unlink()
    assert snapshot(world) == before


def test_traps_end_in_a_sentence(
    world: Path, iceblock_says: Run, small_model: Path, tmp_path: Path
) -> None:
    traps = set_traps(Path())
    table, packed = world / "particles.star", world / "particles.cs"
    star(["000001@S/x.mrcs"], table)
    cs([b"S/x.mrcs"], packed)
    before = snapshot(world, Path("particles.star"), Path("particles.cs"))
    for kind, name in traps.items():
        star([f"000001@{name}"], table)
        cs([name.encode()], packed)
        for source in (table, packed):
            said = iceblock_says(*denoise(source, small_model))
            assert said, kind
            assert "root:" not in said
        assert not Path("Den").exists(), kind
        assert snapshot(world, Path("particles.star"), Path("particles.cs")) == before, kind


def test_traps_among_micrographs_and_picks(world: Path, iceblock_says: Run) -> None:
    write_blind_model(Path("blind.safetensors"))
    traps = set_traps(Path())
    table, picks = world / "micrographs.star", world / "autopick.star"
    head = "data_\n\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\n"
    before = snapshot(world, Path("micrographs.star"), Path("autopick.star"), Path("project/Noise"))
    common = ("--box", 16, "--particle-diameter", 50, "--out", "Noise", "--pixel-size", 4)
    common = (*common, "--model", "blind.safetensors", "--threads", 1, "-q")
    for kind, name in traps.items():
        table.write_text(f"data_\n\nloop_\n_rlnMicrographName\n{name}\n")
        picks.write_text(f"{head}{name} {name}\n")
        assert iceblock_says("noise", table, *common), kind
        assert iceblock_says("noise", table, "--picks", picks, *common), kind
        seen = snapshot(
            world, Path("micrographs.star"), Path("autopick.star"), Path("project/Noise")
        )
        assert seen == before, kind


def test_odd_names_of_micrographs(world: Path) -> None:
    stems = [stem for stem in ODD if stem not in (".", "..")]
    for stem in stems:
        write_images(Path("S") / f"{stem}.mrc", n=1, box=64)
    labelled, _ = gather([Path("S")], None, None, 4.0)
    outputs = [one.output for one in labelled]
    assert len(set(outputs)) == len(stems)
    assert not any("/" in output or len(os.fsencode(output)) > 210 for output in outputs)
    for stem in (*UNFIT, os.fsdecode(NOT_UTF8)):
        path = Path("S") / f"{stem}.mrc"
        write_images(path, n=1, box=64)
        with pytest.raises(IceblockError, match="cannot stand in a STAR file"):
            gather([Path("S")], None, None, 4.0)
        path.unlink()


def test_micrographs_never_share_an_output(world: Path) -> None:
    for name in ("a/mic.mrc", "b/mic.mrc", "mic_2.mrc", "c/MIC.mrc"):
        write_images(Path("S") / name, n=1, box=64)
    names = [Path("S") / name for name in ("a/mic.mrc", "b/mic.mrc", "mic_2.mrc", "c/MIC.mrc")]
    labelled, _ = gather(names, None, None, 4.0)
    assert len({one.output.casefold() for one in labelled}) == 4


@pytest.mark.parametrize("name", ["pipe", "ring/blocks", "/dev/zero", "x" * 5000, "S"])
def test_traps_as_banks_and_models(world: Path, iceblock_says: Run, name: str) -> None:
    os.mkfifo("pipe")
    Path("ring").symlink_to("ring")
    star(["000001@S/x.mrcs"])
    before = snapshot(world)
    assert iceblock_says("noise", "inspect", name)
    assert iceblock_says("noise", "join", name, "--out", "Joined")
    assert iceblock_says("models", "show", name)
    assert iceblock_says(*denoise(Path("particles.star"), Path(name)))
    assert snapshot(world) == before


def test_a_bank_names_a_stack_elsewhere(world: Path, iceblock_says: Run) -> None:
    make_bank(Path("Noise"))
    text = Path("Noise/blocks.star").read_text()
    for name in ("/etc/passwd", "../../../../etc/passwd", "pipe.mrcs", "/dev/zero", "x" * 4000):
        if name == "pipe.mrcs":
            os.mkfifo("Noise/pipe.mrcs")
        Path("Noise/blocks.star").write_text(text.replace("Noise/blocks.mrcs", name))
        before = snapshot(world)
        assert "root:" not in iceblock_says("noise", "join", "Noise", "--out", "Joined")
        assert snapshot(world) == before


@pytest.mark.parametrize(
    "out", ["ring", "ring/x", "pipe", "x" * 300, "/dev/null/x", "particles.star"]
)
def test_outputs_that_cannot_be(
    world: Path, iceblock_says: Run, small_model: Path, out: str
) -> None:
    os.mkfifo("pipe")
    Path("ring").symlink_to("ring")
    write_images(Path("S/x.mrcs"))
    table = star(["000001@S/x.mrcs"])
    before = snapshot(world)
    assert iceblock_says(*["denoise", table, "--out", out, "--model", small_model, "-q"])
    assert snapshot(world) == before


def test_links_that_lie_in_wait_lead_nowhere(world: Path, iceblock_says: Run) -> None:
    write_images(Path("S/x.mrcs"))
    rows = "000001@S/x.mrcs 000001@S/x.mrcs\n"
    Path("d.star").write_text(f"data_\n\nloop_\n_rlnImageName\n_rlnIceblockRawImageName\n{rows}")
    for name in (".raw.star.partial", ".stack.mrcs.partial", "there.star"):
        Path(name).symlink_to(world / "precious")
    assert iceblock_says("restore", "d.star", "--out", "raw.star") == ""
    assert iceblock_says("restore", "d.star", "--out", "there.star", "--overwrite") == ""
    with StackWriter(Path("stack.mrcs"), 1, BOX, 4.0) as writer:
        writer.append(np.zeros((1, BOX, BOX), np.float32))
    assert (world / "precious").read_text() == "not to be touched"
    assert not Path("raw.star").is_symlink()
