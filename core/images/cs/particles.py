"""Sets of particles in CryoSPARC's tables (`.cs`).

Of what is written only `blob/path`, `blob/idx` and `blob/import_sig` differ from what was read, and
`iceblock/confidence` where it was asked for.
Paths start at the project folder. A leading `>` marks a file that was exported together with its
table and lies beside it; it is read and never written.
"""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..class_poses import ClassPoses
from ..near_misses import near_miss
from ..particles import ParticleSet
from ..project_root import find_root, name_from_root
from ..star.image_names import parse_image_names
from .fields import (
    CONFIDENCE,
    EXPORTED,
    INDEX,
    PATH,
    PIXEL_SIZE,
    SHAPE,
    SIGN,
    SIGNATURE,
    exposure_groups,
    image_fields,
    positive,
    refuse_missing_fields,
)
from .table import (
    UID,
    Records,
    checked,
    joined,
    plain,
    read_table,
    replaced,
    rows_of_uids,
    text_column,
    write_table,
)

if TYPE_CHECKING:
    from cryosparc.dataset import Dataset


@dataclass(frozen=True, eq=False, kw_only=True)
class CsParticles(ParticleSet):
    """Particles of a .cs file, or of a CryoSPARC data set in memory.

    Attributes
    ----------
    records
        (N,) rows with all their fields, for `cs.write_table` bit for bit.
    project_dir
        The folder that paths start from; None where it is to be found.
    """

    suffix: ClassVar[str] = ".cs"
    stack_suffix: ClassVar[str] = ".mrc"
    box_field: ClassVar[str] = "blob/shape"

    records: Records
    project_dir: Path | None
    given_pixel_size: float | None

    @classmethod
    def read(
        cls,
        path: Path,
        pixel_size: float | None = None,
        project_dir: Path | None = None,
        passthrough: Sequence[Path] = (),
    ) -> Self:
        """Read a .cs file; see `particles.read_particles`."""
        records = joined(read_table(path), path, passthrough)
        return cls._make(records, path, project_dir, pixel_size)

    @classmethod
    def from_dataset(
        cls,
        dataset: "Dataset[Any]",
        source: Path,
        project_dir: Path | None = None,
        pixel_size: float | None = None,
    ) -> Self:
        """Make a set from a data set in memory.

        Parameters
        ----------
        dataset
            Of cryosparc-tools; it is copied.
        source
            What messages call it; where there is such a file, it is never overwritten.
        project_dir
            The folder that paths start from.
        pixel_size
            Å; it goes before `blob/psize_A`.

        Raises
        ------
        IceblockError
            As for a file.
        """
        records = plain(cast("Any", dataset).to_records(fixed=True))
        return cls._make(checked(records, source), source, project_dir, pixel_size)

    def dataset(self) -> "Dataset[Any]":
        """Give the rows as a data set of cryosparc-tools, which has to be installed."""
        from cryosparc.dataset import Dataset

        return cast("Dataset[Any]", Dataset(self._written()))

    @classmethod
    def _make(
        cls, records: Records, source: Path, project_dir: Path | None, pixel_size: float | None
    ) -> Self:
        refuse_missing_fields(records, source)
        if project_dir is not None and not project_dir.is_dir():
            raise IceblockError(
                f"{project_dir} is no folder; give CryoSPARC's project folder as --project-dir"
            )
        groups, names = exposure_groups(records)
        return cls(
            source=source,
            **image_fields(records, source),
            optics_groups=groups,
            optics_names=names,
            boxes=records[SHAPE][:, 0].astype(np.int64),
            records=records,
            project_dir=None if project_dir is None else _absolute(project_dir),
            given_pixel_size=pixel_size,
        )

    @property
    def uids(self) -> npt.NDArray[np.uint64]:
        """(N,) numbers by which CryoSPARC knows the particles."""
        return self.records[UID]

    @cached_property
    def root(self) -> Path:
        """The project folder: the given one, or else one that is found as `find_root` does.

        IceblockError where an image file is not there; it names the first row.
        """
        inside = [stack for stack in self.stacks if not stack.startswith(EXPORTED)]
        root = self.project_dir
        if root is None:
            todo = "give the project folder, where these paths start, as --project-dir"
            root = find_root(self.source, inside, todo, self.is_meant)
        for place, stack in enumerate(self.stacks):
            if not os.path.exists(self._path(stack, root)):  # noqa: PTH110
                row = int(np.flatnonzero(self.stack_ids == place)[0])
                path = self._path(stack, root)
                what = near_miss(path) or (
                    f"and there is no {path}; check --project-dir, or put back the file"
                )
                raise IceblockError(f"{self.source}: row {row + 1} names the stack {stack}, {what}")
        return root

    def path_of(self, stack: str) -> Path:
        """Give the path of an image file that is named in `stacks`, ready to be opened."""
        return self._path(stack, self.root)

    @cached_property
    def pixel_sizes(self) -> npt.NDArray[np.float64]:
        """(N,) pixel sizes in Å: the given one, or else blob/psize_A."""
        if self.given_pixel_size is not None:
            return np.full(self.n, self.given_pixel_size)
        return positive(self.records, PIXEL_SIZE, self.source, "give --pixel-size in Å")

    @property
    def contrasts(self) -> npt.NDArray[np.int8]:
        """(N,) 1 for white particles, -1 for black ones, 0 for others: blob/sign.

        CryoSPARC multiplies an image by its sign, which makes the particles white.
        """
        signs = self.records[SIGN]
        return np.where(np.abs(signs) == 1, signs, 0).astype(np.int8)

    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function; see `ParticleSet.ctf`."""
        if "ctf/df1_A" not in (self.records.dtype.names or ()):
            return None
        return {
            "defocus_u": self._floats("ctf/df1_A"),
            "defocus_v": self._floats("ctf/df2_A"),
            "defocus_angle": np.rad2deg(self._floats("ctf/df_angle_rad")),
            "phase_shift": np.rad2deg(self._floats("ctf/phase_shift_rad")),
            "voltage": self._floats("ctf/accel_kv"),
            "spherical_aberration": self._floats("ctf/cs_mm"),
            "amplitude_contrast": self._floats("ctf/amp_contrast"),
        }

    @property
    def confidences(self) -> npt.NDArray[np.float64] | None:
        """(N,) values of iceblock/confidence; None where the file has no such field."""
        known = CONFIDENCE in (self.records.dtype.names or ())
        return self._floats(CONFIDENCE) if known else None

    def with_confidences(self, values: npt.NDArray[np.float32]) -> Self:
        """Give the same particles with iceblock/confidence."""
        if len(values) != self.n:
            raise ValueError(f"{self.n} particles are given {len(values)} confidences")
        return self._with(replaced(self.records, {CONFIDENCE: values.astype(np.float32)}))

    def with_classes(self, poses: ClassPoses) -> Self:
        """Give the same particles with classes and poses; see `ParticleSet.with_classes`.

        Classes are counted from 0 and shifts are in pixels, as CryoSPARC has them. Nobody outside
        CryoSPARC has written down the signs of its poses in the plane: those of RELION are kept.
        """
        if len(poses.classes) != self.n:
            raise ValueError(f"{self.n} particles are given {len(poses.classes)} classes")
        sizes = self.pixel_sizes
        fields: dict[str, npt.NDArray[Any] | None] = {
            "alignments2D/class": (poses.classes - 1).astype(np.uint32),
            "alignments2D/class_posterior": poses.certainty.astype(np.float32),
            "alignments2D/pose": np.radians(poses.psi).astype(np.float32),
            "alignments2D/shift": (poses.origins / sizes[:, None]).astype(np.float32),
            "alignments2D/psize_A": sizes.astype(np.float32),
        }
        return self._with(replaced(self.records, fields))

    def with_images(self, names: list[str], again: Sequence[bool] | None = None) -> Self:
        """Give the same particles with new images; a .cs file does not name raw ones.

        `blob/path` and `blob/idx` take the new ones. `blob/import_sig` stands for the file that
        images were imported from; it becomes 0, as for images that CryoSPARC extracted itself, and
        is added where an old file lacks it, because a server refuses a blob without it.
        """
        if len(names) != self.n:
            raise ValueError(f"{self.n} particles are given {len(names)} images")
        images = parse_image_names(names, self.source, "the new images")
        records = replaced(
            self.records,
            {
                PATH: text_column(images.stacks, images.stack_ids, self.records[PATH]),
                INDEX: images.indices.astype(self.records.dtype[INDEX]),
                SIGNATURE: np.zeros(self.n, dtype=np.uint64),
            },
        )
        return self._with(records)

    def restored(self) -> Self:
        """Refuse: a .cs file does not name raw images."""
        raise IceblockError(
            f"{self.source} does not name raw images, as no .cs file does; name the particle set "
            "that was denoised with --raw"
        )

    def restored_from(self, raw: "CsParticles") -> Self:
        """Give the same particles with all `blob` fields of the raw set, matched by uid.

        Raises
        ------
        IceblockError
            For particles that the raw set does not have.
        """
        rows = rows_of_uids(self.uids, raw.records, raw.source, self.source)
        source = raw._written()
        mine = [name for name in self.records.dtype.names or () if name.startswith("blob/")]
        theirs = [name for name in source.dtype.names or () if name.startswith("blob/")]
        changes: dict[str, npt.NDArray[Any] | None] = {name: source[name][rows] for name in theirs}
        changes |= {name: None for name in mine if name not in theirs}
        made = self._with(replaced(self.records, changes))
        made.__dict__.pop("root", None)
        with contextlib.suppress(IceblockError):  # the images need not be there
            made.__dict__["root"] = raw.root
        return made

    def write(self, path: Path) -> None:
        """Write the .cs file to `path`, whole or not at all; the source itself is refused."""
        self.refuse_as_output(path)
        write_table(self._written(), path)

    def refuse_as_output(self, path: Path) -> None:
        """Raise IceblockError if `path` is the file that this set was read from."""
        if path.exists() and self.source.exists() and path.samefile(self.source):
            raise IceblockError(
                f"{path} is the input and is never overwritten; choose another name"
            )

    def _written(self) -> Records:
        """Give the records with the paths of exported files as paths that hold anywhere."""
        if not any(stack.startswith(EXPORTED) for stack in self.stacks):
            return self.records
        names = [self._name_without_mark(stack) for stack in self.stacks]
        paths = text_column(names, self.stack_ids, self.records[PATH])
        return replaced(self.records, {PATH: paths})

    def _name_without_mark(self, stack: str) -> str:
        if not stack.startswith(EXPORTED):
            return stack
        path = _absolute(self._path(stack, Path()))
        if self.project_dir is None:
            return path.as_posix()
        return name_from_root(path, self.project_dir)

    def _path(self, stack: str, root: Path) -> Path:
        if stack.startswith(EXPORTED):
            return self.source.parent / stack.removeprefix(EXPORTED)
        return root / stack

    def _with(self, records: Records) -> Self:
        made = replace(self, **image_fields(records, self.source), records=records)
        # What was already found out from the raw images stays true of the new ones.
        for known in ("root", "pixel_sizes"):
            if known in self.__dict__:
                made.__dict__[known] = self.__dict__[known]
        return made

    def _floats(self, field: str) -> npt.NDArray[np.float64]:
        if field not in (self.records.dtype.names or ()):
            raise IceblockError(
                f"{self.source} gives a defocus and no {field}; name the file that has it with "
                "--passthrough"
            )
        return np.asarray(self.records[field], dtype=np.float64)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100
