"""Particles of CryoSPARC: only the images change, and every path and uid is understood."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc.dataset import Dataset

from core.errors import IceblockError
from core.images.cs.dataset import dataset_of, particles_of
from core.images.cs.particles import CsParticles
from core.images.cs.table import read_table, replaced, write_table
from core.images.mrc.reader import read_images
from core.images.output_plan import plan_output
from core.images.particles import read_particles
from core.images.star.image_names import image_name
from core.images.validation import validate

from .faces import CTF, CsFace, cs_records
from .stacks import write_stack

CHANGED = {"blob/path", "blob/idx", "blob/import_sig"}
REAL = (
    "cryodrgn_misc/cryosparc_P12_J24_001_particles.cs",
    "cryodrgn_misc/cryosparc_J2_particles_exported.cs",
    "empiar10076/empiar_10076_7.cs",
)
IMAGES = [("J1/a.mrc", 3), ("J1/b.mrc", 0), ("J1/a.mrc", 9)]


def make(folder: Path, records: np.ndarray, name: str = "particles.cs") -> Path:
    write_table(records, folder / name)
    return folder / name


def read(path: Path, *arguments: object) -> CsParticles:
    particles = read_particles(path, None, *arguments)  # type: ignore[arg-type]
    assert isinstance(particles, CsParticles)
    return particles


@pytest.mark.parametrize("name", REAL)
def test_real_fields_survive_new_images(test_data: Path, tmp_path: Path, name: str) -> None:
    raw = read(test_data / "particles" / name)
    names = [image_name(row, f"J99/denoised/{'x' * 120}_{row % 50}.mrc") for row in range(raw.n)]
    raw.with_images(names).write(tmp_path / "new.cs")
    before, after = np.load(raw.source), np.load(tmp_path / "new.cs")
    assert len(before) == len(after)
    assert set(after.dtype.names) - set(before.dtype.names) <= {"blob/import_sig"}
    order = [field for field in after.dtype.names if field in before.dtype.names]
    assert order == list(before.dtype.names)
    for field in set(before.dtype.names) - CHANGED:
        assert before.dtype[field] == after.dtype[field]
        assert before[field].tobytes() == after[field].tobytes()
    assert after["blob/idx"].dtype == before["blob/idx"].dtype
    assert after["blob/idx"].tolist() == list(range(raw.n))
    assert after["blob/path"][0].decode() == f"J99/denoised/{'x' * 120}_0.mrc"
    assert after["blob/import_sig"].dtype == np.uint64
    assert not after["blob/import_sig"].any()
    back = read(tmp_path / "new.cs").restored_from(raw)
    back.write(tmp_path / "back.cs")
    raw.write(tmp_path / "copy.cs")
    assert (tmp_path / "back.cs").read_bytes() == (tmp_path / "copy.cs").read_bytes()


def test_the_real_old_file(test_data: Path) -> None:
    raw = read(test_data / "particles" / REAL[0])
    assert (raw.n, len(raw.stacks), set(raw.boxes)) == (2019, 50, {180})
    assert set(raw.pixel_sizes) == {2.95}
    assert (raw.contrasts == -1).all()
    assert raw.optics_names == ("0",)
    gaps = np.diff(raw.indices[raw.stack_ids == 0])
    assert gaps.max() > 1
    ctf = raw.ctf()
    assert ctf is not None
    np.testing.assert_allclose(ctf["defocus_angle"][0], -78.1311, rtol=1e-5)


def test_from_a_data_set_and_back(test_data: Path, tmp_path: Path) -> None:
    for name in REAL:
        path = test_data / "particles" / name
        dataset = Dataset.load(path)
        particles = particles_of(dataset, Path("P1 J2 particles"))
        assert dataset_of(particles) == dataset or name == REAL[1]  # `>` is never given back
        read_back = read(path)
        assert particles.names == read_back.names
        assert particles.uids.tolist() == read_back.uids.tolist()
        new = particles.with_images([image_name(0, f"J3/{k}.mrc") for k in range(particles.n)])
        made = dataset_of(new)
        assert made["blob/path"].tolist() == [f"J3/{k}.mrc" for k in range(particles.n)]
        fields = [field for field in dataset if field not in CHANGED]
        assert made.filter_fields(fields, copy=True) == dataset.filter_fields(fields, copy=True)
        new.write(tmp_path / f"{particles.n}.cs")
        assert Dataset.load(tmp_path / f"{particles.n}.cs") == made
    broken = Dataset({"uid": [4, 4], "blob/idx": [0, 1]})
    with pytest.raises(IceblockError, match="P1 J2 particles: rows 1 and 2 have the same uid, 4"):
        particles_of(broken, Path("P1 J2 particles"))


def test_exported_files_lie_beside_their_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = tmp_path / "exports/J2"
    write_stack(exported / "J1/imported/a.mrc", n=2)
    path = make(exported, cs_records([(">J1/imported/a.mrc", 1), (">J1/imported/a.mrc", 0)]))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    particles = read(path)
    header = validate(particles)[0]
    assert header.path == exported / "J1/imported/a.mrc"
    assert read_images(header, [1]).shape == (1, 32, 32)
    particles.write(tmp_path / "copy.cs")
    absolute = f"{exported}/J1/imported/a.mrc"
    assert read(tmp_path / "copy.cs").stacks == (absolute,)
    read(path, tmp_path).write(tmp_path / "inside.cs")
    assert read(tmp_path / "inside.cs").stacks == ("exports/J2/J1/imported/a.mrc",)
    new = particles.with_images(["1@J3/x.mrc", "2@J3/x.mrc"])
    new.restored_from(particles).write(tmp_path / "back.cs")
    assert read(tmp_path / "back.cs").stacks == (absolute,)
    (exported / "J1/imported/a.mrc").unlink()
    with pytest.raises(IceblockError, match=r"row 1 names the stack >J1/imported/a\.mrc, and"):
        validate(read(path))


def test_the_given_project_folder_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "CS-project"
    for name in ("a", "b"):
        write_stack(project / f"J1/{name}.mrc", n=10)
    here = tmp_path / "here"
    write_stack(here / "J1/a.mrc")
    monkeypatch.chdir(here)
    path = make(here, cs_records(IMAGES))
    particles = read(path, Path("../CS-project"))
    assert particles.root == project
    assert [header.n_images for header in validate(particles)] == [10, 10]
    assert particles.relative_name(project / "J9/x.mrc") == "J9/x.mrc"
    (project / "J1/b.mrc").unlink()
    (project / "J1/b.mrc").symlink_to("gone.mrc")
    says = r"row 2 names the stack J1/b\.mrc, which is a link to gone"
    with pytest.raises(IceblockError, match=says):
        validate(read(path, project))
    with pytest.raises(IceblockError, match=r"nowhere is no folder; give CryoSPARC's project"):
        read(path, tmp_path / "nowhere")


def test_stacks_of_one_name_stay_apart(tmp_path: Path) -> None:
    images = [("J1/x.mrc", 1), ("J2/x.mrc", 1), ("J3/x.mrc", 0), ("J2/x.mrc", 0)]
    write_stack(tmp_path / "J1/x.mrc")
    write_stack(tmp_path / "J2/x.mrc", box=48)
    (tmp_path / "J3").mkdir()
    (tmp_path / "J3/x.mrc").symlink_to("../J1/x.mrc")
    path = CsFace().make(tmp_path, images, [1, 2, 1, 2], {1: (2.0, 32), 2: (2.0, 48)})
    particles = read(path)
    plan = plan_output(particles, validate(particles))
    assert [job.output for job in plan.jobs] == ["x.mrc", "x_2.mrc", "x_3.mrc"]
    assert plan.job_of_row.tolist() == [0, 1, 2, 1]
    assert plan.position_of_row.tolist() == [0, 1, 0, 0]


def test_contrast_of_each_stack(tmp_path: Path) -> None:
    records = cs_records([("a.mrc", 0), ("a.mrc", 1), ("b.mrc", 0), ("a.mrc", 2)])
    records["blob/sign"] = [-1, 1, 0, -1]
    write_stack(tmp_path / "a.mrc")
    write_stack(tmp_path / "b.mrc")
    particles = read(make(tmp_path, records))
    assert particles.contrasts.tolist() == [-1, 1, 0, -1]
    plan = plan_output(particles, validate(particles))
    assert [(job.output, job.contrast) for job in plan.jobs] == [
        ("a.mrc", -1),
        ("a_2.mrc", 1),
        ("b.mrc", 0),
    ]


def test_passthrough_gives_what_is_missing(tmp_path: Path) -> None:
    ctf = {name: [1.0, 2.0, 3.0] for name in CTF}
    whole = cs_records(IMAGES, ctf=ctf)
    slot = {name: None for name in whole.dtype.names if name.startswith("ctf/")}
    bare = make(tmp_path, replaced(whole, slot), "bare.cs")
    blob = {name: None for name in whole.dtype.names if name.startswith("blob/")}
    rest = make(tmp_path, replaced(whole, blob)[::-1], "passthrough.cs")
    assert read(bare).ctf() is None
    assert read(bare).optics_names == ("all particles",)
    found = read(bare, None, [rest]).ctf()
    assert found is not None
    assert found["defocus_u"].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(IceblockError, match=r"passthrough\.cs has no blob/path .*--passthrough"):
        read(rest)
    turned = read(rest, None, [bare])
    assert turned.indices.tolist() == [9, 0, 3]


def test_restoring_finds_each_particle_by_its_uid(tmp_path: Path) -> None:
    raw_records = cs_records([*IMAGES, ("J1/c.mrc", 2)])
    raw = read(make(tmp_path, raw_records, "raw.cs"))
    new = raw.with_images([image_name(row, "J5/denoised/x.mrc") for row in range(4)])
    selected = read(make(tmp_path, new.records[[2, 0]], "selected.cs"))
    back = selected.restored_from(raw)
    assert back.names == [raw.names[2], raw.names[0]]
    assert back.records.tobytes() == raw_records[[2, 0]].tobytes()
    fewer = read(make(tmp_path, raw_records[1:], "fewer.cs"))
    with pytest.raises(IceblockError) as error:
        selected.restored_from(fewer)
    assert f"{tmp_path}/fewer.cs does not have 1 of the 2 particles" in str(error.value)
    assert f"the first is uid {raw.uids[0]} (row 2)" in str(error.value)
    with pytest.raises(IceblockError, match=r"selected\.cs does not name raw images.*--raw"):
        selected.restored()


def test_restoring_from_a_file_without_signatures(tmp_path: Path) -> None:
    old = replaced(cs_records(IMAGES), {"blob/import_sig": None})
    raw = read(make(tmp_path, old, "old.cs"))
    new = raw.with_images(["1@x.mrc", "2@x.mrc", "3@x.mrc"])
    assert "blob/import_sig" in new.records.dtype.names
    assert new.restored_from(raw).records.tobytes() == old.tobytes()


def test_micrographs_are_no_particles(tmp_path: Path) -> None:
    records = np.zeros(2, dtype=[("uid", "<u8"), ("micrograph_blob/path", "S9")])
    records["uid"] = [1, 2]
    with pytest.raises(
        IceblockError, match=r"exposures\.cs has no particles: it lists micrographs"
    ):
        read(make(tmp_path, records, "exposures.cs"))


@pytest.mark.parametrize(
    ("field", "values", "says"),
    [
        ("blob/idx", None, "has no blob/idx, so it does not say where"),
        ("blob/sign", None, "has no blob/sign"),
        ("blob/path", np.array([b"a", b"", b"a"]), "row 2 has an empty blob/path"),
        ("blob/path", np.arange(3), "blob/path holds values of the type int64"),
        ("blob/shape", np.ones(3, "u4"), "blob/shape holds values of the type uint32"),
    ],
)
def test_wrong_fields_are_named(
    tmp_path: Path, field: str, values: np.ndarray | None, says: str
) -> None:
    path = make(tmp_path, replaced(cs_records(IMAGES), {field: values}))
    with pytest.raises(IceblockError, match=rf"particles\.cs.*{says}"):
        read(path)


def test_the_whole_table_is_not_touched_by_reading(tmp_path: Path) -> None:
    path = make(tmp_path, cs_records(IMAGES))
    before = path.read_bytes()
    particles = read(path)
    particles.with_images(["1@x.mrc"] * 3).write(tmp_path / "new.cs")
    assert path.read_bytes() == before
    assert read_table(path).tobytes() == particles.records.tobytes()
