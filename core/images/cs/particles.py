"""Sets of particles in CryoSPARC's tables (`.cs`).

Of what is written only `blob/path`, `blob/idx` and `blob/import_sig` differ from what was read, and
`iceblock/confidence` where it was asked for.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..class_poses import ClassPoses
from ..image_set import Found
from ..particle_set import ParticleSet
from ..project_root import find_root
from ..scores import Scores
from ..star.image_names import parse_image_names
from . import fields
from .group import group_refused
from .kinds import Records
from .stack_paths import EXPORTED, absolute, refuse_missing_stacks, stack_path, without_marks
from .table import (
    UID,
    joined,
    read_table,
    replaced,
    rows_of_uids,
    to_text,
    write_table,
)


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
        return cls.of_records(records, path, project_dir, pixel_size)

    @classmethod
    def of_records(
        cls,
        records: Records,
        source: Path,
        project_dir: Path | None = None,
        pixel_size: float | None = None,
    ) -> Self:
        """Make a set of rows; `source` is what messages call them, and is never overwritten."""
        fields.refuse_missing_fields(records, source)
        if project_dir is not None and not project_dir.is_dir():
            raise IceblockError(
                f"{project_dir} is no folder; give CryoSPARC's project folder as --project-dir"
            )
        groups, names = fields.exposure_groups(records)
        return cls(
            source=source,
            images=fields.image_references(records, source),
            optics_groups=groups,
            optics_names=names,
            boxes=records[fields.SHAPE][:, 0].astype(np.int64),
            records=records,
            project_dir=None if project_dir is None else absolute(project_dir),
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
        refuse_missing_stacks(self.images, root, self.source)
        return root

    def path_of(self, stack: str) -> Path:
        """Give the path of an image file that is named in `stacks`, ready to be opened."""
        return stack_path(stack, self.root, self.source)

    def _find_pixel_sizes(self) -> npt.NDArray[np.float64]:
        return fields.positive(
            self.records, fields.PIXEL_SIZE, self.source, "give --pixel-size in Å"
        )

    @property
    def contrasts(self) -> npt.NDArray[np.int8]:
        """(N,) 1 for white particles, -1 for black ones, 0 for others: blob/sign.

        CryoSPARC multiplies an image by its sign, which makes the particles white.
        """
        signs = self.records[fields.SIGN]
        return np.where(np.abs(signs) == 1, signs, 0).astype(np.int8)

    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function; see `ParticleSet.ctf`."""
        return fields.ctf_parameters(self.records, self.source)

    @property
    def confidences(self) -> npt.NDArray[np.float64] | None:
        """(N,) values of iceblock/confidence; None where the file has no such field."""
        if not self._has(fields.CONFIDENCE):
            return None
        return fields.floats(self.records, fields.CONFIDENCE, self.source)

    def with_confidences(self, values: npt.NDArray[np.float32]) -> Self:
        """Give the same particles with iceblock/confidence."""
        self._check_count(len(values), "confidences")
        return self._with(replaced(self.records, {fields.CONFIDENCE: values.astype(np.float32)}))

    @property
    def classes(self) -> npt.NDArray[np.int64] | None:
        """(N,) alignments2D/class, from 0, or iceblock/class; None where there is neither."""
        for field in (fields.CLASS, fields.OWN_CLASS):
            if self._has(field):
                return self.records[field].astype(np.int64)
        return None

    @property
    def micrographs(self) -> list[str] | None:
        """(N,) location/micrograph_path; None where the file has no such field."""
        if not self._has(fields.MICROGRAPH):
            return None
        return [to_text(name) for name in self.records[fields.MICROGRAPH]]

    def with_scores(self, scores: Scores) -> Self:
        """Give the same particles with scores; see `ParticleSet.with_scores`."""
        self._check_count(len(scores.score), "scores")
        known = self.classes is not None
        return self._with(replaced(self.records, fields.score_fields(scores, known)))

    def with_classes(self, poses: ClassPoses) -> Self:
        """Give the same particles with classes and poses; see `ParticleSet.with_classes`.

        Classes are counted from 0 and shifts are in pixels, as CryoSPARC has them. Nobody outside
        CryoSPARC has written down the signs of its poses in the plane: those of RELION are kept.
        """
        self._check_count(len(poses.classes), "classes")
        return self._with(replaced(self.records, fields.class_fields(poses, self.pixel_sizes)))

    def with_images(self, names: list[str], again: Sequence[bool] | None = None) -> Self:
        """Give the same particles with new images; a .cs file does not name raw ones."""
        self._check_count(len(names), "images")
        images = parse_image_names(names, self.source, "the new images")
        return self._with(replaced(self.records, fields.image_fields(images, self.records)))

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
        changes = fields.blob_fields(raw.written(), rows, self.records)
        found = Found(pixel_sizes=self.found.pixel_sizes)
        with contextlib.suppress(IceblockError):  # the images need not be there
            found.root = raw.root
        return replace(self._with(replaced(self.records, changes)), found=found)

    def write(self, path: Path, rows: npt.NDArray[np.bool_] | None = None) -> None:
        """Write the .cs file to `path`, whole or not at all; see `ParticleSet.write`."""
        self.refuse_as_output(path)
        records = self.written()
        write_table(records if rows is None else records[rows], path)

    def written(self) -> Records:
        """Give the rows as they are written: with paths of exported files that hold anywhere."""
        if not any(stack.startswith(EXPORTED) for stack in self.stacks):
            return self.records
        names = without_marks(self.stacks, self.source, self.project_dir)
        return replaced(self.records, fields.path_field(names, self.stack_ids, self.records))

    def _has(self, field: str) -> bool:
        return field in (self.records.dtype.names or ())

    def _with(self, records: Records) -> Self:
        images = fields.image_references(records, self.source)
        return replace(self, images=images, records=records, found=replace(self.found))
