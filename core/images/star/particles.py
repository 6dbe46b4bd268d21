"""Sets of particles in RELION's STAR files."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ...remarks import warn
from ..class_poses import ClassPoses
from ..denoised_mark import NOTE
from ..image_set import Found
from ..particle_set import ParticleSet
from ..references import ImageReferences
from ..scores import Scores
from ..validation import header_pixel_sizes
from . import raw_links
from .class_columns import CLASS, class_columns
from .datadir import stacks_in
from .document import StarFile
from .image_names import (
    image_name,
    parse_image_names,
    quoted_names,
    without_special,
)
from .optics import Optics, read_optics
from .particle_table import find_particles, refuse_volumes
from .score_columns import score_columns
from .table import StarTable
from .tokens import is_missing, quote, unquote

_CONFIDENCE = "_rlnIceblockConfidence"
_MICROGRAPH = "_rlnMicrographName"


@dataclass(frozen=True, eq=False, kw_only=True)
class StarParticles(ParticleSet):
    """Particles of a STAR file; of what is written, only image names differ from what was read."""

    endings: ClassVar[tuple[str, ...]] = (".star",)
    stack_suffix: ClassVar[str] = ".mrcs"
    box_field: ClassVar[str] = "rlnImageSize"
    names_raw_images: ClassVar[bool] = True
    way_back: ClassVar[str] = (
        "The way back: every row names its raw image in rlnIceblockRawImageName; `iceblock "
        "restore` (or RELION's job relion_iceblock_restore, or Particle subtraction's revert) puts "
        "raw images back."
    )
    raw_todo: ClassVar[str] = "put the raw stack back where this file names it"

    star: StarFile
    table: StarTable
    optics: Optics
    # Columns that differ from those of the file: their tokens, or None for one that is left out.
    edits: dict[str, Sequence[str] | None]

    @classmethod
    def read(
        cls,
        path: Path,
        pixel_size: float | None = None,
        project_dir: Path | None = None,
        passthrough: Sequence[Path] = (),
        datadir: Path | None = None,
    ) -> Self:
        """Read a STAR file; see `particles.read_particles`."""
        if project_dir is not None or passthrough:
            raise IceblockError(
                f"{path} is a STAR file, and --project-dir and --passthrough belong to .cs files; "
                "leave them out, and give the command in the project folder"
            )
        star = StarFile.read(path)
        table = find_particles(star)
        refuse_volumes(star)
        optics = read_optics(star, table)
        particles = cls(
            source=path,
            images=_references(table.column(raw_links.IMAGE), path, table),
            optics_groups=optics.groups,
            optics_names=optics.names,
            boxes=optics.boxes(),
            star=star,
            table=table,
            optics=optics,
            given_pixel_size=pixel_size,
            edits={},
        )
        return particles if datadir is None else particles.moved_to(datadir)

    def moved_to(self, folder: Path) -> Self:
        """Give the same particles with their images in another folder; see `datadir.stacks_in`."""
        stacks = stacks_in(folder, self.stacks, self.source)
        rows = zip(self.stack_ids.tolist(), self.indices.tolist(), strict=True)
        tokens = quoted_names([image_name(index, stacks[place]) for place, index in rows], stacks)
        return self._with_names(tokens, {}, Found(root=Path.cwd()))

    def _find_pixel_sizes(self) -> npt.NDArray[np.float64]:
        """Give those of the optics table, of the particles' own columns, or of the headers."""
        sizes = self.optics.pixel_sizes()
        if sizes is not None:
            return sizes
        return header_pixel_sizes(self)

    @property
    def ctf_applied(self) -> bool:
        """Whether the optics say that images were phase-flipped or multiplied by their CTF."""
        return self.optics.ctf_applied()

    @property
    def phase_flipped(self) -> bool:
        """Whether the optics say that all images were phase-flipped, and no more."""
        return self.optics.phase_flipped()

    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function; see `ParticleSet.ctf`."""
        return self.optics.ctf()

    @property
    def confidences(self) -> npt.NDArray[np.float64] | None:
        """(N,) values of rlnIceblockConfidence; None where the file has no such column."""
        tokens = self._tokens(_CONFIDENCE)
        if tokens is None:
            return None
        if _CONFIDENCE in self.edits:
            return np.array(tokens, dtype=np.float64)
        return self.table.floats(_CONFIDENCE)

    def with_confidences(self, values: npt.NDArray[np.float32]) -> Self:
        """Give the same particles with rlnIceblockConfidence, added last where it is new."""
        self._check_count(len(values), "confidences")
        return replace(self, edits={**self.edits, _CONFIDENCE: [f"{v:.4f}" for v in values]})

    @property
    def classes(self) -> npt.NDArray[np.int64] | None:
        """(N,) values of rlnClassNumber; None where the file has no such column."""
        known = CLASS in self.table and self.edits.get(CLASS) is None
        return self.table.integers(CLASS) if known else None

    @property
    def micrographs(self) -> list[str] | None:
        """(N,) values of rlnMicrographName; None where the file has no such column."""
        tokens = self._tokens(_MICROGRAPH)
        return None if tokens is None else [unquote(token) for token in tokens]

    def with_scores(self, scores: Scores) -> Self:
        """Give the same particles with scores; see `score_columns`."""
        self._check_count(len(scores.score), "scores")
        columns = score_columns(scores, self._tokens, self.source)
        return replace(self, edits={**self.edits, **columns})

    @property
    def names_raw(self) -> bool:
        """Whether iceblock denoised these images: rlnIceblockRawImageName says from which."""
        return self._tokens(raw_links.RAW) is not None

    @property
    def denoised(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the file says that an image is denoised: its raw one is another image."""
        return raw_links.denoised_rows(self.names, self._tokens(raw_links.RAW))

    def with_classes(self, poses: ClassPoses) -> Self:
        """Give the same particles with classes and poses; see `ParticleSet.with_classes`.

        Angles of an earlier refinement in space become 0, as after RELION's own classification.
        """
        self._check_count(len(poses.classes), "classes")
        in_pixels = self.optics.table is None  # before RELION 3.1
        columns: dict[str, Sequence[str] | None] = {
            **class_columns(poses, self.pixel_sizes if in_pixels else None)
        }
        for tag in ("_rlnAngleRot", "_rlnAngleTilt"):
            if self._tokens(tag) is not None:
                columns[tag] = ["0.0000"] * self.n
        return replace(self, edits={**self.edits, **columns})

    def with_images(self, names: list[str], again: Sequence[bool] | None = None) -> Self:
        """Give the same particles with denoised images; see `raw_links` for the columns."""
        self._check_count(len(names), "images")
        stacks = {name.partition("@")[2] for name in names}
        special = [stack for stack in stacks if without_special(stack) != stack]
        if special:
            warn(
                f"RELION takes what follows : % or # in a name for something else and cannot read "
                f"{min(special)}; give an output folder without these characters"
            )
        tokens = quoted_names(names, stacks)
        return self._with_names(tokens, raw_links.linked(self._links(), again), replace(self.found))

    def restored(self) -> Self:
        """Give the same particles with their raw images, and the links that they had before."""
        links = raw_links.unlinked(self._links())
        if links is None:
            raise IceblockError(
                f"{self.source} does not name raw images (it has neither {raw_links.RAW[1:]} nor "
                f"{raw_links.ORIGINAL[1:]}); name a STAR file that iceblock wrote or one made from "
                "it"
            )
        if not self.names_raw:
            raw_links.refuse_originals_of_others(self)
        tokens = links.pop(raw_links.IMAGE)
        assert tokens is not None
        missing = [row for row, token in enumerate(tokens, 1) if is_missing(token)]
        if missing:
            column = raw_links.RAW if self.names_raw else raw_links.ORIGINAL
            raise IceblockError(
                f"{self.source}: row {missing[0]} of {self.table.name} has no {column[1:]}; take "
                "the row out or fill it in"
            )
        found = Found(pixel_sizes=self.found.pixel_sizes)
        with contextlib.suppress(IceblockError):
            if not all(os.path.isabs(stack) for stack in self.stacks):  # noqa: PTH117
                found.root = self.root
        return self._with_names(list(tokens), links, found)

    def write(self, path: Path, rows: npt.NDArray[np.bool_] | None = None) -> None:
        """Write the STAR file to `path`, whole or not at all; see `ParticleSet.write`.

        Names of images start where those of the source do, or are absolute where a reader of
        `path` would not find that place.
        """
        self.refuse_as_output(path)
        note = NOTE if self.names_raw else None
        self.star.write(path, note, self.table, raw_links.names_in(path, self, self.edits), rows)

    def _with_names(self, tokens: list[str], links: raw_links.Columns, found: Found) -> Self:
        images = _references(tokens, self.source, self.table)
        return replace(
            self, images=images, edits={**self.edits, **links, raw_links.IMAGE: tokens}, found=found
        )

    def _links(self) -> dict[str, Sequence[str] | None]:
        return {tag: self._tokens(tag) for tag in raw_links.NAMES_OF_IMAGES}

    def _tokens(self, tag: str) -> Sequence[str] | None:
        if tag in self.edits:
            return self.edits[tag]
        return self.table.column(tag) if tag in self.table else None


def _references(tokens: list[str], source: Path, table: StarTable) -> ImageReferences:
    images = parse_image_names(tokens, source, table.name)
    for stack in images.stacks:
        quote(stack)  # refuses what could not be written again
    return images
