"""What CryoSPARC's fields hold, for those that are read here: a file may say anything."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError

Records = npt.NDArray[np.void]
"""(N,) records; each field keeps the type that it has in the file."""

_NUMBER, _WHOLE, _TEXT = "fiu", "iu", "SU"
_KINDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "uid": (_WHOLE, ()),
    "blob/path": (_TEXT, ()),
    "blob/idx": (_WHOLE, ()),
    "blob/shape": (_WHOLE, (2,)),
    "blob/psize_A": ("f", ()),
    "blob/sign": ("f", ()),
    "blob/import_sig": (_WHOLE, ()),
    "ctf/exp_group_id": (_WHOLE, ()),
    "alignments3D/pose": (_NUMBER, (3,)),
    "alignments3D/shift": (_NUMBER, (2,)),
    "alignments3D/psize_A": (_NUMBER, ()),
    "location/micrograph_path": (_TEXT, ()),
    "location/micrograph_shape": (_WHOLE, (2,)),
    "location/center_x_frac": (_NUMBER, ()),
    "location/center_y_frac": (_NUMBER, ()),
    "micrograph_blob/path": (_TEXT, ()),
    "micrograph_blob/psize_A": (_NUMBER, ()),
    "mscope_params/accel_kv": (_NUMBER, ()),
    "mscope_params/cs_mm": (_NUMBER, ()),
    **{
        f"ctf/{name}": (_NUMBER, ())
        for name in (
            "accel_kv", "cs_mm", "amp_contrast", "df1_A", "df2_A", "df_angle_rad", "phase_shift_rad"
        )
    },
}  # fmt: skip
"""Kinds of NumPy's types, and the shape of one value."""


def refuse_odd_kinds(records: Records, source: Path) -> None:
    """Raise IceblockError for a known field of another kind than CryoSPARC writes."""
    fields: Any = records.dtype.fields or {}
    for name in fields.keys() & _KINDS.keys():
        kinds, shape = _KINDS[name]
        column = records.dtype[name]
        if column.base.kind not in kinds or column.shape != shape:
            raise IceblockError(
                f"{source}: {name} holds values of the type {column!s:.200}, which CryoSPARC "
                "does not write there; name a .cs file that CryoSPARC wrote"
            )
