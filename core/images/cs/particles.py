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
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..class_poses import ClassPoses
from ..near_misses import near_miss
from ..particle_set import Found, ParticleSet
from ..project_root import find_root, name_from_root
from ..scores import Scores
from ..star.image_names import parse_image_names
from .fields import (
    CLASS,
    CONFIDENCE,
    EVIDENCE,
    EXPORTED,
    INDEX,
    MICROGRAPH,
    OWN_CLASS,
    PATH,
    PIXEL_SIZE,
    SCORE,
    SHAPE,
    SIGN,
    SIGNATURE,
    class_fields,
    ctf_parameters,
    exposure_groups,
    floats,
    image_references,
    positive,
    refuse_missing_fields,
)
from .group import group_refused
from .kinds import Records
from .table import (
    UID,
    checked,
    joined,
    plain,
    read_table,
    replaced,
    rows_of_uids,
    text_column,
    to_text,
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

    endings: ClassVar[tuple[str, ...]] = (".cs", ".csg")
    stack_suffix: ClassVar[str] = ".mrc"
    box_field: ClassVar[str] = "blob/shape"
    names_raw_images: ClassVar[bool] = False
    way_back: ClassVar[str] = (
        "The way back: every particle keeps its uid; `iceblock restore SELECTED.cs --raw "
        "PARTICLES.cs --out RAW.cs` puts the raw images back."
    )
    raw_todo: ClassVar[str] = "name the particles that were denoised with --raw"

    records: Records
    project_dir: Path | None

    @classmethod
    def read(
        cls,
        path: Path,
        pixel_size: float | None = None,
        project_dir: Path | None = None,
        passthrough: Sequence[Path] = (),
        datadir: Path | None = None,
    ) -> Self:
        """Read a .cs file; see `particles.read_particles`."""
        if path.suffix.lower() == ".csg":
            raise group_refused(path)
        if datadir is not None:
            raise IceblockError(
                f"{path} is a .cs file, and --datadir belongs to STAR files; give --project-dir"
            )
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
            images=image_references(records, source),
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

    @property
    def project(self) -> Path:
        """The project folder, where paths start."""
        return self.root

    def _find_root(self) -> Path:
        """Give the project folder: the given one, or else one that is found as `find_root` does.

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

    def _find_pixel_sizes(self) -> npt.NDArray[np.float64]:
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
        return ctf_parameters(self.records, self.source)

    @property
    def confidences(self) -> npt.NDArray[np.float64] | None:
        """(N,) values of iceblock/confidence; None where the file has no such field."""
        known = CONFIDENCE in (self.records.dtype.names or ())
        return floats(self.records, CONFIDENCE, self.source) if known else None

    def with_confidences(self, values: npt.NDArray[np.float32]) -> Self:
        """Give the same particles with iceblock/confidence."""
        self._check_count(len(values), "confidences")
        return self._with(replaced(self.records, {CONFIDENCE: values.astype(np.float32)}))

    @property
    def classes(self) -> npt.NDArray[np.int64] | None:
        """(N,) alignments2D/class, from 0, or iceblock/class; None where there is neither."""
        for field in (CLASS, OWN_CLASS):
            if field in (self.records.dtype.names or ()):
                return self.records[field].astype(np.int64)
        return None

    @property
    def micrographs(self) -> list[str] | None:
        """(N,) location/micrograph_path; None where the file has no such field."""
        if MICROGRAPH not in (self.records.dtype.names or ()):
            return None
        return [to_text(name) for name in self.records[MICROGRAPH]]

    def with_scores(self, scores: Scores) -> Self:
        """Give the same particles with scores; see `ParticleSet.with_scores`."""
        self._check_count(len(scores.score), "scores")
        fields: dict[str, npt.NDArray[Any] | None] = {
            SCORE: scores.score.astype(np.float32),
            EVIDENCE: scores.evidence.astype(np.float32),
        }
        if scores.classes is not None and self.classes is None:
            fields[OWN_CLASS] = scores.classes.astype(np.uint32)
        return self._with(replaced(self.records, fields))

    def with_classes(self, poses: ClassPoses) -> Self:
        """Give the same particles with classes and poses; see `ParticleSet.with_classes`.

        Classes are counted from 0 and shifts are in pixels, as CryoSPARC has them. Nobody outside
        CryoSPARC has written down the signs of its poses in the plane: those of RELION are kept.
        """
        self._check_count(len(poses.classes), "classes")
        return self._with(replaced(self.records, class_fields(poses, self.pixel_sizes)))

    def with_images(self, names: list[str], again: Sequence[bool] | None = None) -> Self:
        """Give the same particles with new images; a .cs file does not name raw ones.

        `blob/path` and `blob/idx` take the new ones. `blob/import_sig` stands for the file that
        images were imported from; it becomes 0, as for images that CryoSPARC extracted itself, and
        is added where an old file lacks it, because a server refuses a blob without it.
        """
        self._check_count(len(names), "images")
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

    def restored_from(self, raw: ParticleSet) -> Self:
        """Give the same particles with all `blob` fields of the raw set, matched by uid.

        Raises
        ------
        IceblockError
            For particles that the raw set does not have, and for one that is no .cs file.
        """
        if not isinstance(raw, CsParticles):
            return super().restored_from(raw)
        rows = rows_of_uids(self.uids, raw.records, raw.source, self.source)
        source = raw._written()
        mine = [name for name in self.records.dtype.names or () if name.startswith("blob/")]
        theirs = [name for name in source.dtype.names or () if name.startswith("blob/")]
        changes: dict[str, npt.NDArray[Any] | None] = {name: source[name][rows] for name in theirs}
        changes |= {name: None for name in mine if name not in theirs}
        found = Found(pixel_sizes=self.found.pixel_sizes)
        with contextlib.suppress(IceblockError):  # the images need not be there
            found.root = raw.root
        return replace(self._with(replaced(self.records, changes)), found=found)

    def write(self, path: Path, rows: npt.NDArray[np.bool_] | None = None) -> None:
        """Write the .cs file to `path`, whole or not at all; see `ParticleSet.write`."""
        self.refuse_as_output(path)
        records = self._written()
        write_table(records if rows is None else records[rows], path)

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
        images = image_references(records, self.source)
        return replace(self, images=images, records=records, found=replace(self.found))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100
