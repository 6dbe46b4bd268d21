"""Raw images stay raw: from wherever they are denoised, evaluated, put back and denoised again."""

import os
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from core.errors import IceblockError
from core.figures.gallery import normalise
from core.images.cs.table import write_table
from core.images.mrc.reader import read_images
from core.images.particles import ParticleSet, read_particles
from core.images.star.image_names import image_name
from core.images.validation import validate
from core.remarks import collected
from core.runs.classify.inputs import prepare as prepare_classes
from core.runs.classify.options import ClassifyOptions
from core.runs.denoise import run as denoising
from core.runs.denoise.options import DenoiseOptions
from core.runs.evaluate.inputs import read_inputs
from core.runs.evaluate.options import EvaluateOptions
from core.runs.restoring import restore

from .small_project import star_text, write_stack

N, BOX = 6, 32
ROWS = [3, 0, 5, 2, 2, 1]
STACK = "Particles/mic.mrcs"
"""The name that the denoised stack has in its own folder, too."""
KINDS = [
    ("uid", "<u8"), ("blob/path", "S200"), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,)),
    ("blob/psize_A", "<f4"), ("blob/sign", "<f4"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the report, which takes longer than all the rest."""
    monkeypatch.setattr(denoising, "report", lambda *_: None)


def pixels(particles: ParticleSet) -> npt.NDArray[np.float32]:
    headers = validate(particles)
    rows = zip(particles.stack_ids, particles.indices, strict=True)
    return np.concatenate([read_images(headers[stack], [index]) for stack, index in rows])


def make_set(kind: str, table: Path, name: str) -> None:
    """Write a table whose rows name images of the stack `name`."""
    table.parent.mkdir(parents=True, exist_ok=True)
    if kind == "star":
        table.write_text(star_text([image_name(row, name) for row in ROWS]))
        return
    records = np.zeros(len(ROWS), dtype=KINDS)
    records["uid"], records["blob/path"], records["blob/idx"] = range(7, 13), name, ROWS
    records["blob/shape"], records["blob/psize_A"], records["blob/sign"] = BOX, 4.0, 1
    write_table(records, table)


def make_stack(path: Path, link: str, store: Path) -> None:
    """Write a stack at `path`, itself or as a link to a file of another name."""
    if link != "file":
        write_stack(path, N, BOX)
        return
    write_stack(store / "other.mrc", N, BOX)
    path.parent.mkdir(parents=True)
    path.symlink_to(store / "other.mrc")


def places() -> list[tuple[str, str, str, str, str]]:
    """Working folder, place of the table, start of the names, link, kind: all that can be found."""
    found = []
    for here, place, start, link, kind in product(
        ("project", "table", "out", "elsewhere"), ("top", "below", "outside"),
        ("project", "table", "absolute"), ("none", "file", "folder"), ("star", "cs"),
    ):  # fmt: skip
        if start == "project" and place == "outside" and here != "project":
            continue  # nothing tells where the project is
        if start == "table" and place == "top":
            continue  # the same as from the project
        if link != "none" and (here not in ("project", "elsewhere") or place == "below"):
            continue  # enough of these
        found.append((here, place, start, link, kind))
    return found


@pytest.mark.parametrize(("here", "place", "start", "link", "kind"), places())
def test_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path,
    here: str, place: str, start: str, link: str, kind: str,
) -> None:  # fmt: skip
    project = tmp_path / "project"
    project.mkdir()
    if link == "folder":
        (tmp_path / "linked").symlink_to(project)
        project = tmp_path / "linked"
    folder = {"top": project, "below": project / "Job", "outside": tmp_path / "outside"}[place]
    base = folder if start == "table" else project
    make_stack(base / STACK, link, tmp_path / "store")
    table = folder / f"set.{kind}"
    make_set(kind, table, str(base / STACK) if start == "absolute" else STACK)
    out = project / "Den"
    for path in (out, tmp_path / "elsewhere"):
        path.mkdir()
    folders = {"project": project, "table": folder, "out": out, "elsewhere": tmp_path / "elsewhere"}
    monkeypatch.chdir(folders[here])
    root = base if kind == "cs" else None

    def near(path: Path) -> Path:
        return Path(os.path.relpath(path.parent.resolve())) / path.name

    given = near(table)
    raw = pixels(read_particles(given, project_dir=root))
    options = DenoiseOptions(given, near(out), str(model), each_alone=True, project_dir=root)
    denoising.run(options)
    made = near(out) / f"particles.{kind}"
    denoised = pixels(read_particles(made, project_dir=root))
    assert not np.allclose(denoised, raw, atol=0.1)

    told = EvaluateOptions(
        made, tmp_path / "T", raw=given if kind == "cs" else None, project_dir=root
    )
    seen = read_inputs(told)
    np.testing.assert_array_equal(np.abs(seen.raw), np.abs(normalise(raw)))
    np.testing.assert_array_equal(np.abs(seen.denoised), np.abs(denoised))

    back = near(project / f"back.{kind}")
    assert restore(made, back, raw=given if kind == "cs" else None) == N
    np.testing.assert_array_equal(pixels(read_particles(back, project_dir=root)), raw)
    again = DenoiseOptions(
        back, near(project / "Den2"), str(model), each_alone=True, project_dir=root
    )
    denoising.run(again)
    second = read_particles(again.output, project_dir=root)
    np.testing.assert_array_equal(pixels(second), denoised)
    with pytest.raises(IceblockError, match="is not raw: iceblock has denoised it"):
        denoising.run(DenoiseOptions(made, near(project / "Den3"), str(model), project_dir=root))


@pytest.fixture
def denoised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Path:
    """A project folder, entered, with raw.star and what was made of it in Den."""
    monkeypatch.chdir(tmp_path)
    write_stack(Path(STACK), N, BOX)
    make_set("star", Path("raw.star"), STACK)
    denoising.run(DenoiseOptions(Path("raw.star"), Path("Den"), str(model), each_alone=True))
    return tmp_path


def lose_mark(stack: Path) -> None:
    data = bytearray(stack.read_bytes())
    data[224:1024] = bytes(800)
    stack.write_bytes(bytes(data))


def old_version(text: str) -> str:
    """What a version that had rlnImageOriginalName alone wrote."""
    return text.replace("_rlnIceblockRawImageName", "_rlnNote")


@pytest.mark.parametrize("tells", ["label", "column", "record"])
def test_any_of_three_tells(denoised: Path, model: Path, tells: str) -> None:
    table = Path("Den/particles.star")
    if tells != "label":
        lose_mark(Path("Den/Particles/mic.mrcs"))
    if tells != "column":
        table.write_text(old_version(table.read_text()))
    if tells != "record":
        Path("Den/run.json").unlink()
    options = DenoiseOptions(table, Path("Twice"), str(model), each_alone=True)
    with pytest.raises(IceblockError, match=r"has denoised it.*--denoise-again"):
        denoising.run(options)
    assert not Path("Twice").exists()
    asked = DenoiseOptions(table, Path("Twice"), str(model), each_alone=True, denoise_again=True)
    denoising.run(asked)
    restore(Path("Twice/particles.star"), Path("back.star"))
    raw, back = read_particles(Path("raw.star")), read_particles(Path("back.star"))
    np.testing.assert_array_equal(pixels(back), pixels(raw))


@pytest.mark.parametrize("how", ["replaced", "link", "copy", "old names"])
def test_a_denoised_stack_in_the_place_of_the_raw_one(denoised: Path, how: str) -> None:
    made, table = Path("Den/Particles/mic.mrcs").absolute(), Path("Den/particles.star")
    Path(STACK).unlink()
    if how == "replaced":
        made.rename(STACK)
        make_set("star", Path("Den/particles.star"), STACK)
        table.write_text(star_text([image_name(row, STACK) for row in ROWS]))
    elif how == "link":
        Path(STACK).symlink_to(made)
        lose_mark(made)
    elif how == "copy":
        shutil.copy(made, STACK)
    else:  # denoised images absolute, raw ones from another folder, which is gone
        text = old_version(table.read_text()).replace("@Den/", f"@{denoised}/Den/")
        table.write_text(text)
    with pytest.raises(IceblockError, match=r"not raw|is the denoised one|raw images"):
        restore(table, Path("back.star"))
    assert not Path("back.star").exists()
    with pytest.raises(IceblockError):
        read_inputs(EvaluateOptions(table, Path("T")))


def test_classifying_denoised_images_is_told(denoised: Path) -> None:
    told = {}
    for name in ("raw.star", "Den/particles.star"):
        with collected() as sentences:
            prepare_classes(ClassifyOptions(Path(name), Path("Classes"), classes=1))
        told[name] = [line for line in sentences if "denoised by iceblock" in line]
    assert told["raw.star"] == []
    (line,) = told["Den/particles.star"]
    assert line.startswith(f"{len(ROWS)} of the {len(ROWS)} images of Den/particles.star")


def test_simulated_and_other_stacks_of_ours_are_raw(denoised: Path, model: Path) -> None:
    from core.images.mrc.writer import StackWriter

    with StackWriter(Path("Other/a.mrcs"), N, BOX, 4.0) as writer:
        writer.append(np.random.default_rng(0).normal(size=(N, BOX, BOX)))
    make_set("star", Path("other.star"), "Other/a.mrcs")
    denoising.run(DenoiseOptions(Path("other.star"), Path("Den4"), str(model), each_alone=True))


def subtracted(older: str = "Full/mic.mrcs") -> str:
    """Particles of a box of 32 that RELION cut out of images of 48, and subtracted."""
    names = [f"{image_name(row, STACK)} {image_name(row, older)}" for row in ROWS]
    tags = "_rlnOpticsGroup #2\n_rlnDefocusU"
    return star_text(names).replace(tags, f"_rlnImageOriginalName #2\n{tags}")


def test_what_was_denoised_comes_back_and_the_older_link_with_it(
    denoised: Path, model: Path
) -> None:
    write_stack(Path("Full/mic.mrcs"), N, 48)
    Path("sub.star").write_text(subtracted())
    denoising.run(DenoiseOptions(Path("sub.star"), Path("Sub"), str(model), each_alone=True))
    assert restore(Path("Sub/particles.star"), Path("back.star")) == N
    before, after = (read_particles(Path(name)) for name in ("sub.star", "back.star"))
    np.testing.assert_array_equal(pixels(after), pixels(before))
    rows = [
        [line for line in Path(name).read_text().splitlines() if "@" in line]
        for name in ("sub.star", "back.star")
    ]
    assert rows[0] == rows[1]
    # RELION's own link of particles that iceblock has not seen is no way back.
    with pytest.raises(IceblockError, match="is RELION's own link"):
        restore(Path("sub.star"), Path("odd.star"))
    # An old version named the older originals: they do not fit the rows.
    text = Path("Sub/particles.star").read_text()
    for tag, new in (
        ("_rlnIceblockRawImageName", "_rlnNote"),
        ("_rlnImageOriginalName", "_rlnOther"),
        ("_rlnIceblockOlderOriginalName", "_rlnImageOriginalName"),
    ):
        text = text.replace(tag, new)
    Path("Sub/old.star").write_text(text)
    with pytest.raises(IceblockError, match=r"do not fit.*rlnImageSize 32.*48 pixels"):
        restore(Path("Sub/old.star"), Path("odd.star"))
    assert not Path("odd.star").exists()
