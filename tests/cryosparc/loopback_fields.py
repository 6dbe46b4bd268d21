"""The fields that a slot of an output must have.

Taken from the replies of a real server that are recorded in the tests of cryosparc-tools 4.7.1, and
from real .cs files. That of exposures is an assumption: no reply with
it was recorded. Slots that are not here cannot be outputs of the loopback server.
"""

Field = tuple[str, str] | tuple[str, str, tuple[int, ...]]

_ALIGNMENTS: list[Field] = [
    ("split", "<u4"), ("shift", "<f4", (2,)), ("pose", "<f4", (3,)), ("psize_A", "<f4"),
    ("error", "<f4"), ("error_min", "<f4"), ("resid_pow", "<f4"), ("slice_pow", "<f4"),
    ("image_pow", "<f4"), ("cross_cor", "<f4"), ("alpha", "<f4"), ("alpha_min", "<f4"),
    ("weight", "<f4"), ("pose_ess", "<f4"), ("shift_ess", "<f4"), ("class_posterior", "<f4"),
    ("class", "<u4"), ("class_ess", "<f4"),
]  # fmt: skip
FIELDS: dict[tuple[str, str], list[Field]] = {
    ("particle", "blob"): [
        ("path", "O"), ("idx", "<u4"), ("shape", "<u4", (2,)), ("psize_A", "<f4"),
        ("sign", "<f4"), ("import_sig", "<u8"),
    ],
    ("particle", "ctf"): [
        ("type", "O"), ("exp_group_id", "<u4"), ("accel_kv", "<f4"), ("cs_mm", "<f4"),
        ("amp_contrast", "<f4"), ("df1_A", "<f4"), ("df2_A", "<f4"), ("df_angle_rad", "<f4"),
        ("phase_shift_rad", "<f4"), ("scale", "<f4"), ("scale_const", "<f4"),
        ("shift_A", "<f4", (2,)), ("tilt_A", "<f4", (2,)), ("trefoil_A", "<f4", (2,)),
        ("tetra_A", "<f4", (4,)), ("anisomag", "<f4", (4,)), ("bfactor", "<f4"),
    ],
    ("particle", "location"): [
        ("micrograph_uid", "<u8"), ("exp_group_id", "<u4"), ("micrograph_path", "O"),
        ("micrograph_shape", "<u4", (2,)), ("center_x_frac", "<f4"), ("center_y_frac", "<f4"),
    ],
    ("particle", "pick_stats"): [
        ("ncc_score", "<f4"), ("power", "<f4"), ("template_idx", "<u4"), ("angle_rad", "<f4"),
    ],
    ("particle", "alignments3D"): _ALIGNMENTS,
    ("particle", "alignments2D"): [
        ("pose", "<f4") if field[0] == "pose" else field for field in _ALIGNMENTS
    ],
    ("template", "blob"): [
        ("path", "O"), ("idx", "<u4"), ("shape", "<u4", (2,)), ("psize_A", "<f4"),
        ("res_A", "<f4"),
    ],
    ("exposure", "micrograph_blob"): [
        ("path", "O"), ("idx", "<u4"), ("shape", "<u4", (2,)), ("psize_A", "<f4"),
        ("format", "O"), ("is_background_subtracted", "<u4"), ("vmin", "<f4"), ("vmax", "<f4"),
        ("import_sig", "<u8"),
    ],
    ("volume", "map"): [("path", "O"), ("shape", "<u4", (3,)), ("psize_A", "<f4")],
}  # fmt: skip


def described(kind: str, slot: str, name: str | None = None) -> list[list[str]]:
    """Give (name, type) of the fields of a slot as the server tells them to the client."""
    result = []
    for field in FIELDS[kind, slot]:
        shape = ",".join(map(str, field[2])) if len(field) == 3 else ""
        dtype = field[1].lstrip("<") if shape else field[1]
        result.append([f"{name or slot}/{field[0]}", shape + dtype])
    return result
