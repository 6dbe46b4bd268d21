"""CryoSPARC's particles as a RELION STAR file, for the columns whose meaning is agreed on.

Converters disagree on the sign of y of locations and on the in-plane angle of 2D alignments: those,
and all that RELION has no column for, are left out and told. RELION wants names of stacks to end in
`.mrcs`, and CryoSPARC's end in `.mrc`: links with the right ending are made beside the STAR file,
which every program follows (RELION's own `x.mrc:mrcs` is known to RELION alone).
"""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from ...errors import IceblockError
from ..disk import partial_path, writing
from ..output_plan import output_names
from ..project_root import name_from_here
from ..star.image_names import image_name
from ..star.tokens import quote
from ..star.writer import loop, write_blocks
from .fields import GROUP, INDEX, PATH, PIXEL_SIZE, SHAPE, SIGN
from .kinds import Records
from .particles import CsParticles

_POSE, _SHIFT, _SHIFT_PIXEL_SIZE = (f"alignments3D/{name}" for name in ("pose", "shift", "psize_A"))
_OPTICS = {
    "ctf/accel_kv": "rlnVoltage",
    "ctf/cs_mm": "rlnSphericalAberration",
    "ctf/amp_contrast": "rlnAmplitudeContrast",
    PIXEL_SIZE: "rlnImagePixelSize",
}
_DEFOCUS = {
    "ctf/df1_A": ("rlnDefocusU", "defocus_u"),
    "ctf/df2_A": ("rlnDefocusV", "defocus_v"),
    "ctf/df_angle_rad": ("rlnDefocusAngle", "defocus_angle"),
    "ctf/phase_shift_rad": ("rlnPhaseShift", "phase_shift"),
}
BLACK = "blob/sign (the particles are black, and RELION expects white ones: invert them there)"

Columns = dict[str, Sequence[Any]]


def export_star(particles: CsParticles, out: Path) -> list[str]:
    """Write a STAR file of RELION 3.1 or later, and links to the stacks beside it.

    What is there already under these names is replaced.

    Image names start at the current folder where the links lie inside it, as RELION wants them when
    the current folder is its project, and are absolute elsewhere.

    Parameters
    ----------
    particles
        Their image files have to be there.
    out
        The file to make; the links go to the folder `<name>_stacks` beside it.

    Returns
    -------
    left_out
        The fields that have no place in the STAR file, in their order; some with a remark.

    Raises
    ------
    IceblockError
        For a name that does not end in .star, a missing image file, an exposure group that has
        several values where an optics group has one, and a folder that cannot be written to.
    """
    if out.suffix != ".star":
        raise IceblockError(f"{out} is to be a STAR file; give it a name that ends in .star")
    columns: Columns = {}
    used = {PATH, INDEX, SHAPE, GROUP, *_OPTICS}
    optics = _optics_table(particles)
    columns["rlnImageName"] = _image_names(particles, _link_stacks(particles, out))
    columns["rlnOpticsGroup"] = _group_numbers(particles).tolist()
    for fields, made in (_defocus(particles), _pose(particles.records), _shift(particles.records)):
        used |= fields
        columns |= made
    write_blocks(out, loop("optics", optics), loop("particles", columns))
    return _left_out(particles, used)


def euler_angles(poses: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Turn CryoSPARC's rotation vectors into RELION's angles.

    Parameters
    ----------
    poses
        (N, 3) axis times angle in radians (Rodrigues).

    Returns
    -------
    angles
        (N, 3) rot, tilt, psi in degrees, ZYZ.
    """
    with warnings.catch_warnings():
        # At tilt 0 only the sum of rot and psi means something; psi 0 is as good as any.
        warnings.filterwarnings("ignore", message="Gimbal lock")
        rotations = Rotation.from_rotvec(np.asarray(poses, dtype=np.float64))
        return np.asarray(rotations.as_euler("ZYZ", degrees=True))


def _link_stacks(particles: CsParticles, out: Path) -> list[str]:
    """Link each stack under a name that ends in .mrcs; give the names for the STAR file."""
    folder = out.parent / f"{out.stem}_stacks"
    names: list[str] = []
    links = output_names(list(particles.stacks))
    for name in links:
        quote(name)  # refuses what a STAR file cannot hold, before anything is made
    for stack, name in zip(particles.stacks, links, strict=True):
        link = folder / name
        target = os.path.abspath(particles.path_of(stack))  # noqa: PTH100
        if link.exists() and not link.is_symlink():
            raise IceblockError(
                f"{link} is in the way of a link to {target}; remove it or choose another name for "
                f"{out.name}"
            )
        with writing(link):
            folder.mkdir(parents=True, exist_ok=True)
            partial = partial_path(link)
            partial.unlink(missing_ok=True)
            partial.symlink_to(target)
            partial.replace(link)
        names.append(name_from_here(link))
    return names


def _image_names(particles: CsParticles, stacks: list[str]) -> list[str]:
    rows = zip(particles.indices.tolist(), particles.stack_ids.tolist(), strict=True)
    return [image_name(index, stacks[stack]) for index, stack in rows]


def _group_numbers(particles: CsParticles) -> npt.NDArray[np.int64]:
    if GROUP in (particles.records.dtype.names or ()):
        return particles.records[GROUP].astype(np.int64) + 1
    return np.ones(particles.n, dtype=np.int64)


def _optics_table(particles: CsParticles) -> Columns:
    """Give one row for each exposure group."""
    groups = _group_numbers(particles)
    numbers, first, places = np.unique(groups, return_index=True, return_inverse=True)
    columns: Columns = {
        "rlnOpticsGroup": numbers.tolist(),
        "rlnOpticsGroupName": [f"opticsGroup{number}" for number in numbers],
    }
    known = particles.records.dtype.names or ()
    values = {tag: particles.records[field] for field, tag in _OPTICS.items() if field in known}
    values["rlnImagePixelSize"] = particles.pixel_sizes
    values["rlnImageSize"] = particles.boxes
    for tag, column in values.items():
        other = np.flatnonzero(column != column[first][places])
        if other.size:
            row = int(other[0])
            raise IceblockError(
                f"{particles.source}: row {row + 1} and row {first[places[row]] + 1} are in one "
                f"exposure group ({groups[row] - 1}) and differ in what becomes {tag} "
                f"({column[row]:g} and {column[first[places[row]]]:g}); give them groups of their "
                "own with CryoSPARC's Exposure Group Utilities"
            )
        columns[tag] = (
            column[first].tolist() if column.dtype.kind in "iu" else _short(column[first])
        )
    return columns | {"rlnImageDimensionality": [2] * len(numbers)}


def _defocus(particles: CsParticles) -> tuple[set[str], Columns]:
    ctf = particles.ctf()
    if ctf is None:
        return set(), {}
    columns: Columns = {}
    for field, (tag, name) in _DEFOCUS.items():
        values = ctf[name]
        columns[tag] = _fixed(values) if field.endswith("_rad") else _short(values)
    return set(_DEFOCUS), columns


def _pose(records: Records) -> tuple[set[str], Columns]:
    if _POSE not in (records.dtype.names or ()):
        return set(), {}
    angles = euler_angles(records[_POSE]).T
    tags = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
    return {_POSE}, {tag: _fixed(values) for tag, values in zip(tags, angles, strict=True)}


def _shift(records: Records) -> tuple[set[str], Columns]:
    """Give the shifts, which CryoSPARC has in pixels of `alignments3D/psize_A`, in Å."""
    fields = {_SHIFT, _SHIFT_PIXEL_SIZE}
    if not fields <= set(records.dtype.names or ()):
        return set(), {}
    sizes = records[_SHIFT_PIXEL_SIZE].astype(np.float64)
    shifts = (records[_SHIFT] * sizes[:, np.newaxis]).T
    tags = ("rlnOriginXAngst", "rlnOriginYAngst")
    return fields, {tag: _fixed(values) for tag, values in zip(tags, shifts, strict=True)}


def _left_out(particles: CsParticles, used: set[str]) -> list[str]:
    black = bool((particles.contrasts == -1).any())
    left_out = []
    for name in particles.records.dtype.names or ():
        if name == SIGN:
            left_out += [BLACK] if black else []
        elif name not in used:
            left_out.append(name)
    return left_out


def _short(values: npt.NDArray[Any]) -> list[str]:
    """Write numbers that are float32 in the file with as many digits as those have."""
    return [str(value) for value in values.astype(np.float32)]


def _fixed(values: npt.NDArray[Any]) -> list[str]:
    return [f"{value:.6f}" for value in values.tolist()]
