"""The same set of particles as a STAR file and as a .cs file."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.images.particles import ParticleSet
from core.images.star.image_names import image_name

Images = Sequence[tuple[str, int]]
"""Stack and 0-based index of each particle."""

CTF = {
    "defocus_u": ("rlnDefocusU", "ctf/df1_A", 1.0),
    "defocus_v": ("rlnDefocusV", "ctf/df2_A", 1.0),
    "defocus_angle": ("rlnDefocusAngle", "ctf/df_angle_rad", np.pi / 180),
    "phase_shift": ("rlnPhaseShift", "ctf/phase_shift_rad", np.pi / 180),
    "voltage": ("rlnVoltage", "ctf/accel_kv", 1.0),
    "spherical_aberration": ("rlnSphericalAberration", "ctf/cs_mm", 1.0),
    "amplitude_contrast": ("rlnAmplitudeContrast", "ctf/amp_contrast", 1.0),
}
"""Field of the contract: name in a STAR file, in a .cs file, and what a value is multiplied by."""


class Face(ABC):
    """A kind of metadata file."""

    ending: str

    @abstractmethod
    def write(
        self,
        path: Path,
        images: Images,
        groups: Sequence[int],
        optics: Mapping[int, tuple[float, int]],
        ctf: Mapping[str, Sequence[float]],
    ) -> None: ...

    @abstractmethod
    def restored(self, new: ParticleSet, raw: ParticleSet) -> ParticleSet: ...

    def make(
        self,
        folder: Path,
        images: Images,
        groups: Sequence[int] | None = None,
        optics: Mapping[int, tuple[float, int]] | None = None,
        ctf: Mapping[str, Sequence[float]] | None = None,
    ) -> Path:
        """Write particles to `folder`; `optics` has pixel size (Å) and box of each group."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"particles{self.ending}"
        one = {1: (2.0, 32)}
        self.write(path, images, groups or [1] * len(images), optics or one, ctf or {})
        return path


class StarFace(Face):
    ending = ".star"

    def write(self, path: Path, images: Images, groups: Any, optics: Any, ctf: Any) -> None:
        lines = ["# version 30001", "", "data_optics", "", "loop_", "_rlnOpticsGroup"]
        lines += ["_rlnOpticsGroupName", "_rlnImagePixelSize", "_rlnImageSize"]
        lines += [f"{group} {group} {size} {box}" for group, (size, box) in optics.items()]
        lines += ["", "", "# version 30001", "", "data_particles", "", "loop_", "_rlnImageName"]
        lines += ["_rlnOpticsGroup", "_rlnNote", *(f"_{CTF[name][0]}" for name in ctf)]
        for row, ((stack, index), group) in enumerate(zip(images, groups, strict=True)):
            values = [str(ctf[name][row]) for name in ctf]
            name = f"'{image_name(index, stack)}'" if " " in stack else image_name(index, stack)
            lines.append(" ".join([name, str(group), f"1.5e-0{row}", *values]))
        path.write_text("\n".join([*lines, ""]))

    def restored(self, new: ParticleSet, raw: ParticleSet) -> ParticleSet:
        return new.restored()


class CsFace(Face):
    ending = ".cs"

    def write(self, path: Path, images: Images, groups: Any, optics: Any, ctf: Any) -> None:
        np.save(path.with_suffix(".npy"), cs_records(images, groups, optics, ctf))
        path.with_suffix(".npy").rename(path)

    def restored(self, new: ParticleSet, raw: ParticleSet) -> ParticleSet:
        return new.restored_from(raw)


def cs_records(
    images: Images,
    groups: Sequence[int] | None = None,
    optics: Mapping[int, tuple[float, int]] | None = None,
    ctf: Mapping[str, Sequence[float]] | None = None,
    sign: float = 1.0,
) -> np.ndarray:
    """Records as CryoSPARC writes them, the uids not in order."""
    groups = groups or [1] * len(images)
    optics = optics or {1: (2.0, 32)}
    width = max(len(stack.encode()) for stack, _ in images) + 1
    kinds: list[Any] = [("uid", "<u8"), ("blob/path", f"S{width}"), ("blob/idx", "<u4")]
    kinds += [("blob/shape", "<u4", (2,)), ("blob/psize_A", "<f4"), ("blob/sign", "<f4")]
    kinds += [("blob/import_sig", "<u8"), ("ctf/exp_group_id", "<u4")]
    kinds += [(CTF[name][1], "<f4") for name in ctf or {}] + [("pick_stats/ncc_score", "<f4")]
    records = np.zeros(len(images), dtype=kinds)
    rows = range(len(images))
    records["uid"] = [(row + 1) * 11400714819323198485 % 2**64 for row in rows]
    records["blob/path"] = [stack.encode() for stack, _ in images]
    records["blob/idx"] = [index for _, index in images]
    records["blob/shape"] = [(optics[group][1], optics[group][1]) for group in groups]
    records["blob/psize_A"] = [optics[group][0] for group in groups]
    records["blob/sign"] = sign
    records["blob/import_sig"] = 17
    records["ctf/exp_group_id"] = groups
    records["pick_stats/ncc_score"] = [0.1 * row for row in rows]
    for name, values in (ctf or {}).items():
        records[CTF[name][1]] = np.array(values) * CTF[name][2]
    return records


FACES = [StarFace(), CsFace()]
