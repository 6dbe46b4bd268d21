"""The fields of CryoSPARC's particles that every set of particles has, in the terms of all sets."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..class_poses import ClassPoses
from ..particle_set import NO_GROUPS
from ..references import ImageReferences
from ..scores import Scores
from ..star.image_names import image_name
from .kinds import Records
from .stack_paths import EXPORTED
from .table import text_column, to_text

PATH, INDEX, SIGNATURE = "blob/path", "blob/idx", "blob/import_sig"
SHAPE, PIXEL_SIZE, SIGN = "blob/shape", "blob/psize_A", "blob/sign"
GROUP = "ctf/exp_group_id"
CONFIDENCE = "iceblock/confidence"
CLASS, OWN_CLASS = "alignments2D/class", "iceblock/class"
SCORE, EVIDENCE = "iceblock/score", "iceblock/evidence"
MICROGRAPH = "location/micrograph_path"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_CTF = {
    "df1_A": "defocus_u",
    "df2_A": "defocus_v",
    "df_angle_rad": "defocus_angle",
    "phase_shift_rad": "phase_shift",
    "accel_kv": "voltage",
    "cs_mm": "spherical_aberration",
    "amp_contrast": "amplitude_contrast",
}
_MICROGRAPHS = {"micrograph_blob", "movie_blob"}
# import_sig came later than the others; files without it are still about.
_NEEDED = (PATH, INDEX, SHAPE, PIXEL_SIZE, SIGN)


def refuse_missing_fields(records: Records, source: Path) -> None:
    """Raise IceblockError for records that do not say which images they mean, and how large."""
    names = records.dtype.names or ()
    missing = [name for name in _NEEDED if name not in names]
    if PATH in missing and _MICROGRAPHS & {name.partition("/")[0] for name in names}:
        raise IceblockError(
            f"{source} has no particles: it lists micrographs only; name the extracted particles"
        )
    if missing:
        raise IceblockError(
            f"{source} has no {' and no '.join(missing)}, so it does not say where the images are; "
            "name the particles of the job that extracted or imported them, or give the "
            "passthrough file that has these fields with --passthrough"
        )


def exposure_groups(records: Records) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Give (N,) int32 places of the exposure groups among their names, and the names."""
    if GROUP not in (records.dtype.names or ()):
        return np.zeros(len(records), dtype=np.int32), NO_GROUPS
    numbers, places = np.unique(records[GROUP], return_inverse=True)
    return places.astype(np.int32), tuple(str(number) for number in numbers)


def image_references(records: Records, source: Path) -> ImageReferences:
    """Give the image references in the form in which every set of particles has them."""
    paths, first, places = np.unique(records[PATH], return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.argsort(order)
    stacks = tuple(to_text(path) for path in paths[order])
    for place, stack in enumerate(stacks):
        if not stack.removeprefix(EXPORTED):
            row = int(first[order[place]])
            raise IceblockError(f"{source}: row {row + 1} has an empty {PATH}; correct it")
        if _CONTROL.search(stack):
            row = int(first[order[place]])
            raise IceblockError(
                f"{source}: row {row + 1} has the {PATH} {stack}, which holds a line end or a "
                "control character; rename the file"
            )
    stack_ids = rank[places].astype(np.int32)
    indices = records[INDEX].astype(np.int64)
    rows = zip(indices.tolist(), stack_ids.tolist(), strict=True)
    names = [image_name(index, stacks[stack]) for index, stack in rows]
    return ImageReferences(names, stacks, stack_ids, indices, {})


def positive(records: Records, field: str, source: Path, todo: str) -> npt.NDArray[np.float64]:
    """Give (N,) values of a float32 field that are above 0; others raise IceblockError."""
    values = records[field]
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if wrong.size:
        row = int(wrong[0])
        raise IceblockError(
            f"{source}: {field} of row {row + 1} is {values[row]:g} and must be above 0; {todo}"
        )
    different, places = np.unique(values, return_inverse=True)
    # Seven digits give the number that was meant: 1.31 and not 1.3099999.
    return np.array([float(f"{value:.7g}") for value in different])[places]


def floats(records: Records, field: str, source: Path) -> npt.NDArray[np.float64]:
    """Give (N,) values of a field of the CTF; IceblockError where it is not there."""
    if field not in (records.dtype.names or ()):
        raise IceblockError(
            f"{source} gives a defocus and no {field}; name the file that has it with --passthrough"
        )
    return np.asarray(records[field], dtype=np.float64)


def ctf_parameters(records: Records, source: Path) -> dict[str, npt.NDArray[np.float64]] | None:
    """Give the parameters of the contrast transfer function; see `ParticleSet.ctf`."""
    if "ctf/df1_A" not in (records.dtype.names or ()):
        return None
    values = {field: floats(records, f"ctf/{field}", source) for field in _CTF}
    return {_CTF[f]: np.rad2deg(v) if f.endswith("_rad") else v for f, v in values.items()}


def image_fields(images: ImageReferences, old: Records) -> dict[str, npt.NDArray[Any] | None]:
    """Give the fields that say which images N particles have, in the types of the old table.

    `blob/import_sig` stands for the file that images were imported from; it becomes 0, as for
    images that CryoSPARC extracted itself, and is added where an old file lacks it, because a
    server refuses a blob without it.
    """
    return {
        **path_field(images.stacks, images.stack_ids, old),
        INDEX: images.indices.astype(old.dtype[INDEX]),
        SIGNATURE: np.zeros(len(old), dtype=np.uint64),
    }


def path_field(
    stacks: Sequence[str], stack_ids: npt.NDArray[np.int32], old: Records
) -> dict[str, npt.NDArray[Any] | None]:
    """Give the field of the image files, at least as wide as that of the old table."""
    return {PATH: text_column(stacks, stack_ids, old[PATH])}


def class_fields(
    poses: ClassPoses, pixel_sizes: npt.NDArray[np.float64]
) -> dict[str, npt.NDArray[Any]]:
    """Give the fields of N classes and poses; pixel sizes (N,) in Å."""
    return {
        "alignments2D/class": (poses.classes - 1).astype(np.uint32),
        "alignments2D/class_posterior": poses.certainty.astype(np.float32),
        "alignments2D/pose": np.radians(poses.psi).astype(np.float32),
        "alignments2D/shift": (poses.origins / pixel_sizes[:, None]).astype(np.float32),
        "alignments2D/psize_A": pixel_sizes.astype(np.float32),
    }


def score_fields(scores: Scores, has_classes: bool) -> dict[str, npt.NDArray[Any] | None]:
    """Give the fields of N scores, and of their classes where the table has none yet."""
    fields: dict[str, npt.NDArray[Any] | None] = {
        SCORE: scores.score.astype(np.float32),
        EVIDENCE: scores.evidence.astype(np.float32),
    }
    if scores.classes is not None and not has_classes:
        fields[OWN_CLASS] = scores.classes.astype(np.uint32)
    return fields


def blob_fields(
    source: Records, rows: npt.NDArray[np.int64], old: Records
) -> dict[str, npt.NDArray[Any] | None]:
    """Give the fields that say which images N particles have, from rows (N,) of another table.

    Those that only the old table has are None: they are to be left out.
    """
    theirs, mine = (
        [name for name in records.dtype.names or () if name.startswith("blob/")]
        for records in (source, old)
    )
    fields: dict[str, npt.NDArray[Any] | None] = {name: source[name][rows] for name in theirs}
    return fields | {name: None for name in mine if name not in theirs}
