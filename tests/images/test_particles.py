"""What every set of particles promises, whatever its metadata file is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.images.mrc.reader import read_header, read_images
from core.images.mrc.writer import StackWriter
from core.images.output_plan import plan_output
from core.images.particles import ParticleSet, read_particles
from core.images.star.image_names import image_name
from core.images.validation import validate

from .faces import FACES, Face, StarFace
from .stacks import write_stack

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["p/x.mrcs", "q/x.mrcs", "x_2.mrcs", "r/y z.mrc"]), st.integers(0, 5)
    ),
    min_size=1,
    max_size=12,
)
# One file per face, written anew for each example.
REUSED = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=FACES, ids=lambda face: face.ending)
def face(request: pytest.FixtureRequest) -> Face:
    chosen: Face = request.param
    return chosen


def pixels(particles: ParticleSet) -> list[np.ndarray]:
    stacks = [read_header(particles.path_of(stack)) for stack in particles.stacks]
    rows = zip(particles.stack_ids, particles.indices, strict=True)
    return [read_images(stacks[stack], [index])[0] for stack, index in rows]


@REUSED
@given(rows=ROWS)
def test_each_row_names_its_image(face: Face, tmp_path: Path, rows: list[tuple[str, int]]) -> None:
    particles = read_particles(face.make(tmp_path, rows))
    assert particles.n == len(particles) == len(rows)
    assert list(particles.stacks) == list(dict.fromkeys(stack for stack, _ in rows))
    assert [particles.stacks[place] for place in particles.stack_ids] == [s for s, _ in rows]
    assert particles.indices.tolist() == [index for _, index in rows]
    assert particles.images.unnumbered == {}
    assert [name.strip("'") for name in particles.names] == [image_name(i, s) for s, i in rows]
    assert particles.source.suffix == particles.suffix == face.ending


def test_groups_have_their_pixel_size_and_box(face: Face, tmp_path: Path) -> None:
    optics = {7: (1.1, 64), 12: (2.2, 48), 3: (3.3, 96)}
    path = face.make(tmp_path, [("a.mrc", 0)] * 4, [7, 3, 7, 12], optics)
    particles = read_particles(path)
    assert particles.pixel_sizes.tolist() == [1.1, 3.3, 1.1, 2.2]
    assert particles.boxes.tolist() == [64, 96, 64, 48]
    names = [particles.optics_names[group] for group in particles.optics_groups]
    assert names == ["7", "3", "7", "12"]
    assert read_particles(path, pixel_size=3.0).pixel_sizes.tolist() == [3.0] * 4
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(IceblockError, match="not above 0"):
            read_particles(path, pixel_size=wrong)


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_impossible_pixel_sizes_are_named(face: Face, tmp_path: Path, wrong: float) -> None:
    path = face.make(tmp_path, [("a.mrc", 0), ("a.mrc", 1)], [1, 2], {1: (1, 32), 2: (wrong, 32)})
    with pytest.raises(
        IceblockError, match=rf"particles\{face.ending}.* row 2 .*{wrong:g} and must"
    ):
        _ = read_particles(path).pixel_sizes


def test_the_contrast_transfer_function(face: Face, tmp_path: Path) -> None:
    images = [("a.mrc", 0), ("b.mrc", 0)]
    assert read_particles(face.make(tmp_path, images)).ctf() is None
    ctf = {
        "defocus_u": [12000.5, 9000.0],
        "defocus_v": [11000.0, 8999.0],
        "defocus_angle": [-45.5, 170.0],
        "phase_shift": [0.0, 90.0],
        "voltage": [300.0, 200.0],
        "spherical_aberration": [2.7, 0.01],
        "amplitude_contrast": [0.1, 0.07],
    }
    found = read_particles(face.make(tmp_path, images, ctf=ctf)).ctf()
    assert found is not None
    assert list(found) == list(ctf)
    for name, values in found.items():
        np.testing.assert_allclose(values, ctf[name], rtol=1e-6)
    incomplete = face.make(tmp_path, images, ctf={"defocus_u": [1, 2], "defocus_v": [1, 2]})
    with pytest.raises(IceblockError, match="defocus and no "):
        read_particles(incomplete).ctf()


def test_the_root_is_the_current_folder_or_the_nearest_above(
    face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    path = face.make(project / "Extract/job003", [("Extract/job003/a.mrc", 0)])
    write_stack(project / "Extract/job003/a.mrc")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for here in (project, elsewhere, project / "Extract"):
        monkeypatch.chdir(here)
        particles = read_particles(path)
        assert particles.root == project
        assert particles.path_of(particles.stacks[0]).exists()
        assert particles.relative_name(project / "External/job004/a.mrc") == "External/job004/a.mrc"
        outside = tmp_path / "out"
        assert particles.relative_name(outside) == outside.as_posix()
    # The current folder goes before the folders above the metadata file.
    write_stack(elsewhere / "Extract/job003/a.mrc")
    monkeypatch.chdir(elsewhere)
    assert read_particles(path).root == elsewhere
    assert read_particles(path).relative_name(Path("out/x.mrc")) == "out/x.mrc"


def test_links_are_followed_and_not_resolved(
    face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack(tmp_path / "disk/a.mrc")
    project = tmp_path / "project"
    path = face.make(project, [("Extract/a.mrc", 0)])
    (project / "Extract").symlink_to(tmp_path / "disk")
    (tmp_path / "link").symlink_to(project)
    monkeypatch.chdir(project)
    particles = read_particles(path)
    assert particles.root == project
    assert validate(particles)[0].path == project / "Extract/a.mrc"
    assert particles.relative_name(Path("Extract/x.mrc")) == "Extract/x.mrc"
    # The user says `link`, and the operating system knows the current folder as `project`.
    assert particles.relative_name(tmp_path / "link/Extract/x.mrc") == "Extract/x.mrc"


def test_missing_stacks_are_named(
    face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = face.make(tmp_path / "p/q", [(f"S/{name}.mrc", 0) for name in "abc"])
    with pytest.raises(IceblockError, match=r"S/a\.mrc, which is neither in the current folder"):
        _ = read_particles(path).root
    for name in ("a", "c"):
        write_stack(tmp_path / f"p/S/{name}.mrc")
    with pytest.raises(
        IceblockError, match=r"S/b\.mrc, which is not in .*/p, which has 2 of the 3"
    ):
        _ = read_particles(path).root


def test_absolute_stacks_and_their_root(
    face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack(tmp_path / "far/a.mrc")
    path = face.make(tmp_path, [(f"{tmp_path}/far/a.mrc", 0)])
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    particles = read_particles(path)
    assert particles.root == here
    assert particles.path_of(particles.stacks[0]) == tmp_path / "far/a.mrc"


def test_particles_that_do_not_fit_their_images(
    face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path / "a.mrc", n=3, box=32)
    beyond = face.make(tmp_path, [("a.mrc", 2), ("a.mrc", 3)])
    with pytest.raises(IceblockError, match=r"row 2 names 0*4@a\.mrc, and .*has only 3 images"):
        validate(read_particles(beyond))
    larger = face.make(tmp_path, [("a.mrc", 2)], optics={1: (2.0, 48)})
    says = f"has {read_particles(larger).box_field} 48, and the images in a.mrc .row 1. have 32"
    with pytest.raises(IceblockError, match=says):
        validate(read_particles(larger))


def test_the_input_is_never_overwritten(face: Face, tmp_path: Path) -> None:
    path = face.make(tmp_path, [("a.mrc", 0)])
    before = path.read_bytes()
    link = tmp_path / f"link{face.ending}"
    link.symlink_to(path)
    for target in (path, link):
        with pytest.raises(IceblockError, match="is the input"):
            read_particles(path).with_images(["1@b.mrc"]).write(target)
    assert path.read_bytes() == before


def test_new_images_are_seen_through_the_contract(face: Face, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrc")
    raw = read_particles(face.make(tmp_path, [("a.mrc", 2), ("a.mrc", 0)]))
    assert raw.root == tmp_path
    new = raw.with_images(["1@out/b c.mrc", "2@out/b c.mrc"])
    assert new.stacks == ("out/b c.mrc",)
    assert new.indices.tolist() == [0, 1]
    assert new.root == tmp_path
    assert raw.stacks == ("a.mrc",)
    back = face.restored(new, raw)
    assert back.names == raw.names
    assert back.indices.tolist() == [2, 0]
    with pytest.raises(ValueError, match="2 particles are given 1"):
        raw.with_images(["1@a.mrc"])


@REUSED
@given(rows=ROWS, data=st.data())
def test_each_particle_keeps_its_pixels(
    face: Face, tmp_path: Path, rows: list[tuple[str, int]], data: st.DataObject
) -> None:
    groups = data.draw(st.lists(st.integers(1, 2), min_size=len(rows), max_size=len(rows)))
    for stack in {stack for stack, _ in rows}:
        if not (tmp_path / stack).exists():
            write_stack(tmp_path / stack, n=6)
    raw = read_particles(face.make(tmp_path, rows, groups, {1: (2.0, 32), 2: (3.0, 32)}))
    plan = plan_output(raw, validate(raw))
    folder = tmp_path / "External/job001/Particles"
    for job in plan.jobs:
        with StackWriter(folder / job.output, len(job.indices), 32, job.pixel_size) as writer:
            writer.append(read_images(job.stack, job.indices))
    out = tmp_path / f"new{face.ending}"
    raw.with_images(plan.image_names("External/job001/Particles")).write(out)
    new = read_particles(out)
    validate(new)
    np.testing.assert_array_equal(pixels(new), pixels(raw))
    assert new.pixel_sizes.tolist() == raw.pixel_sizes.tolist()
    assert new.optics_groups.tolist() == raw.optics_groups.tolist()
    assert {Path(stack).suffix for stack in new.stacks} == {raw.stack_suffix}
    assert len(new.stacks) == len({(s, g) for (s, _), g in zip(rows, groups, strict=True)})


def test_both_faces_of_one_real_set(test_data: Path) -> None:
    star, cs = (
        read_particles(test_data / f"particles/empiar10076/empiar_10076_7{face.ending}")
        for face in FACES
    )
    assert star.stacks == cs.stacks
    assert star.indices.tolist() == cs.indices.tolist()
    np.testing.assert_allclose(star.pixel_sizes, cs.pixel_sizes, rtol=1e-6)
    one, other = star.ctf(), cs.ctf()
    assert one is not None
    assert other is not None
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    for name in ("particles.txt", "particles"):
        with pytest.raises(IceblockError, match="no table of particles"):
            read_particles(tmp_path / name)


def test_what_only_cs_files_know_is_refused_for_star_files(tmp_path: Path) -> None:
    path = StarFace().make(tmp_path, [("a.mrcs", 0)])
    for wrong in ({"project_dir": tmp_path}, {"passthrough": [tmp_path / "p.cs"]}):
        with pytest.raises(IceblockError, match=r"is a STAR file, and --project-dir"):
            read_particles(path, **wrong)  # type: ignore[arg-type]


def test_confidences_are_written_and_read_again(face: Face, tmp_path: Path) -> None:
    raw = read_particles(face.make(tmp_path, [("a.mrc", 3), ("b.mrc", 0), ("a.mrc", 1)]))
    assert raw.confidences is None
    values = np.array([0.25, 0.5, 0.9999], dtype=np.float32)
    names = [image_name(k, "new.mrc") for k in range(3)]
    made = raw.with_images(names).with_confidences(values)
    np.testing.assert_allclose(made.confidences, values, atol=1e-4)
    assert raw.confidences is None
    (tmp_path / "out").mkdir()
    made.write(tmp_path / "out" / f"new{face.ending}")
    found = read_particles(tmp_path / "out" / f"new{face.ending}")
    assert found.confidences is not None
    np.testing.assert_allclose(found.confidences, values, atol=1e-4)
    assert [name.strip("'") for name in found.names] == names
    again = found.with_confidences(values[::-1])
    np.testing.assert_allclose(again.confidences, values[::-1], atol=1e-4)
    with pytest.raises(ValueError, match="3 particles are given 2"):
        raw.with_confidences(values[:2])
