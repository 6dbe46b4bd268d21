"""A STAR file made from a .cs file means the same images, and RELION reads it."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.errors import IceblockError
from core.images.cs.export import BLACK, euler_angles, export_star
from core.images.cs.particles import CsParticles
from core.images.cs.table import replaced, write_table
from core.images.mrc.reader import read_images
from core.images.particles import read_particles
from core.images.star.document import StarFile
from core.images.validation import validate

from .faces import CTF, CsFace, cs_records
from .stacks import write_stack

ANGLE = st.floats(-3.0, 3.0)


def read(path: Path) -> CsParticles:
    particles = read_particles(path)
    assert isinstance(particles, CsParticles)
    return particles


def relion_matrix(rot: float, tilt: float, psi: float) -> np.ndarray:
    """RELION's Euler_angles2matrix (its src/euler.cpp), which turns volumes into views."""
    a, b, g = np.deg2rad([rot, tilt, psi])
    ca, cb, cg, sa, sb, sg = np.cos(a), np.cos(b), np.cos(g), np.sin(a), np.sin(b), np.sin(g)
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


def rodrigues(pose: np.ndarray) -> np.ndarray:
    """Rodrigues' formula for the rotation about `pose` by its length."""
    angle = float(np.linalg.norm(pose))
    if angle == 0:
        return np.eye(3)
    x, y, z = pose / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@settings(deadline=None)
@given(st.tuples(ANGLE, ANGLE, ANGLE))
def test_angles_are_those_of_the_pose(pose: tuple[float, float, float]) -> None:
    (angles,) = euler_angles([pose])
    np.testing.assert_allclose(relion_matrix(*angles), rodrigues(np.array(pose)).T, atol=1e-7)
    again = Rotation.from_euler("ZYZ", angles, degrees=True)
    np.testing.assert_allclose((again.inv() * Rotation.from_rotvec(pose)).magnitude(), 0, atol=1e-6)
    assert 0 <= angles[1] <= 180


@pytest.mark.parametrize("pose", [(0, 0, 0), (0, 0, 1.0), (0, np.pi, 0)])
def test_views_along_the_axis(pose: tuple[float, float, float]) -> None:
    (angles,) = euler_angles([pose])
    np.testing.assert_allclose(relion_matrix(*angles), rodrigues(np.array(pose)).T, atol=1e-12)


def test_a_real_refinement(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = test_data / "particles/cryodrgn_misc/cryosparc_P12_J24_001_particles.cs"
    table = np.load(source)
    for path in set(table["blob/path"].tolist()):
        (tmp_path / "J19/extract").mkdir(parents=True, exist_ok=True)
        (tmp_path / path.decode()).touch()
    write_table(table, tmp_path / "particles.cs")
    monkeypatch.chdir(tmp_path)
    left_out = export_star(read(tmp_path / "particles.cs"), Path("out/all.star"))
    assert left_out[:3] == ["uid", BLACK, "ctf/type"]
    assert "alignments3D/split" in left_out
    assert not {"alignments3D/pose", "ctf/df1_A", "blob/idx"} & set(left_out)
    star = StarFile.read(tmp_path / "out/all.star").find("_rlnImageName", block="particles")
    assert star is not None
    assert len(star) == 2019
    name = Path(table["blob/path"][0].decode()).stem
    assert star.column("_rlnImageName")[0] == f"000001@out/all_stacks/{name}.mrcs"
    shift = table["alignments3D/shift"][:, 1] * table["alignments3D/psize_A"]
    np.testing.assert_allclose(star.floats("_rlnOriginYAngst"), shift, atol=1e-5)
    np.testing.assert_array_equal(star.floats("_rlnDefocusU").astype("f4"), table["ctf/df1_A"])
    angles = [star.floats(f"_rlnAngle{angle}")[7] for angle in ("Rot", "Tilt", "Psi")]
    expected = rodrigues(table["alignments3D/pose"][7].astype(float)).T
    np.testing.assert_allclose(relion_matrix(*angles), expected, atol=1e-6)


def test_the_same_images_and_optics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, box in (("J1/x.mrc", 32), ("J2/x.mrc", 48)):
        write_stack(tmp_path / name, n=4, box=box)
    images = [("J1/x.mrc", 3), ("J2/x.mrc", 0), ("J1/x.mrc", 1)]
    ctf = {name: [1.5, 2.5, 1.5] for name in CTF}
    optics = {0: (1.31, 32), 4: (2.0, 48)}
    path = CsFace().make(tmp_path, images, [0, 4, 0], optics, ctf)
    monkeypatch.chdir(tmp_path)
    raw = read(path)
    assert "pick_stats/ncc_score" in export_star(raw, tmp_path / "export.star")
    star = read_particles(tmp_path / "export.star")
    assert star.indices.tolist() == raw.indices.tolist()
    assert star.pixel_sizes.tolist() == [1.31, 2.0, 1.31]
    assert star.optics_names == ("opticsGroup1", "opticsGroup5")
    new, old = validate(star), validate(raw)
    assert [header.path.name for header in new] == ["x.mrcs", "x_2.mrcs"]
    for one, other in zip(new, old, strict=True):
        np.testing.assert_array_equal(read_images(one, [0, 3]), read_images(other, [0, 3]))
    mine, theirs = star.ctf(), raw.ctf()
    assert mine is not None
    assert theirs is not None
    for name, values in theirs.items():
        np.testing.assert_allclose(mine[name], values, rtol=1e-6)


def test_again_and_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stack(tmp_path / "p/J1/a b.mrc")
    path = CsFace().make(tmp_path / "p", [("J1/a b.mrc", 1)])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for _ in range(2):  # links of an earlier export are made anew
        export_star(read(path), tmp_path / "far/out.star")
    star = read_particles(tmp_path / "far/out.star")
    assert star.stacks == (f"{tmp_path}/far/out_stacks/a b.mrcs",)
    assert validate(star)[0].n_images == 3
    link = tmp_path / "far/out_stacks/a b.mrcs"
    link.unlink()
    link.write_text("precious")
    with pytest.raises(IceblockError, match=r"a b\.mrcs is in the way of a link"):
        export_star(read(path), tmp_path / "far/out.star")
    assert link.read_text() == "precious"
    with pytest.raises(IceblockError, match=r"name that ends in \.star"):
        export_star(read(path), tmp_path / "out.txt")


def test_groups_that_an_optics_group_cannot_hold(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrc")
    records = cs_records([("a.mrc", 0), ("a.mrc", 1)], [3, 3], {3: (2.0, 32)})
    records = replaced(records, {"ctf/accel_kv": np.array([300, 200], "f4")})
    write_table(records, tmp_path / "particles.cs")
    says = r"row 2 and row 1 are in one exposure group \(3\) .*rlnVoltage \(200 and 300\)"
    with pytest.raises(IceblockError, match=says):
        export_star(read(tmp_path / "particles.cs"), tmp_path / "out.star")
    assert not (tmp_path / "out.star").exists()


@pytest.mark.relion
def test_relion_reads_the_stacks(
    test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = shutil.which("relion_stack_create")
    if program is None:
        pytest.skip("RELION is not installed")
    monkeypatch.chdir(tmp_path)
    raw = read(test_data / "particles/empiar10076/empiar_10076_7.cs")
    export_star(raw, Path("export.star"))
    subprocess.run([program, "--i", "export.star", "--o", "copy"], check=True, capture_output=True)
    copied = validate(read_particles(Path("copy.star")))[0]
    original = validate(raw)[0]
    np.testing.assert_array_equal(read_images(copied, range(7)), read_images(original, raw.indices))
