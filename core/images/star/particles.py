"""Sets of particles in RELION's STAR files."""

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ...remarks import warn
from ..class_poses import ClassPoses
from ..denoised_mark import NOTE, is_of_iceblock
from ..particles import ParticleSet
from ..project_root import starts_at
from ..validation import stack_header
from .datadir import stacks_in
from .document import StarFile
from .image_names import absolute_names, image_name, parse_image_names, same_image, without_special
from .optics import Optics, read_optics
from .raw_links import IMAGE, NAMES_OF_IMAGES, ORIGINAL, RAW, linked, unlinked
from .table import StarTable
from .tokens import is_missing, quote

_CTF_APPLIED = ("_rlnCtfDataArePhaseFlipped", "_rlnCtfDataAreCtfPremultiplied")
_CONFIDENCE = "_rlnIceblockConfidence"

# What a STAR file without image names is, by a column that it has, and what to do about it.
_OTHER_TABLES = {
    "_rlnMicrographCoordinates": "lists files of picks; extract the particles and name their STAR",
    "_rlnCoordinateX": "holds picks only; extract the particles and name their STAR",
    "_rlnMicrographName": "lists micrographs only; name the STAR of the extracted particles",
    "_rlnMicrographMovieName": "lists movies only; name the STAR of the extracted particles",
    "_rlnReferenceImage": "describes classes; name the _data.star of the same run",
    "_rlnExperimentalDataStarFile": "describes a run; name the _data.star of the same run",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class StarParticles(ParticleSet):
    """Particles of a STAR file; of what is written, only image names differ from what was read."""

    suffix: ClassVar[str] = ".star"
    stack_suffix: ClassVar[str] = ".mrcs"
    box_field: ClassVar[str] = "rlnImageSize"

    star: StarFile
    table: StarTable
    optics: Optics
    given_pixel_size: float | None
    # Columns that differ from those of the file: their tokens, or None for one that is left out.
    edits: dict[str, Sequence[str] | None]

    @classmethod
    def read(cls, path: Path, pixel_size: float | None = None) -> Self:
        """Read a STAR file; see `particles.read_particles`."""
        star = StarFile.read(path)
        table = _find_particles(star)
        _refuse_volumes(star)
        optics = read_optics(star, table)
        tokens = table.column(IMAGE)
        return cls(
            source=path,
            **_image_fields(tokens, path, table),
            optics_groups=optics.groups,
            optics_names=optics.names,
            boxes=optics.boxes(),
            star=star,
            table=table,
            optics=optics,
            given_pixel_size=pixel_size,
            edits={},
        )

    def moved_to(self, folder: Path) -> Self:
        """Give the same particles with their images in another folder; see `datadir.stacks_in`."""
        stacks = stacks_in(folder, self.stacks, self.source)
        rows = zip(self.stack_ids.tolist(), self.indices.tolist(), strict=True)
        tokens = _quoted([image_name(index, stacks[place]) for place, index in rows], stacks)
        fields = _image_fields(tokens, self.source, self.table)
        made = replace(self, **fields, edits={**self.edits, IMAGE: tokens})
        made.__dict__["root"] = Path.cwd()
        return made

    @cached_property
    def pixel_sizes(self) -> npt.NDArray[np.float64]:
        """(N,) pixel sizes in Å.

        The given one goes first, then the optics table, the particles' own columns, and at last
        the headers of the images.
        """
        if self.given_pixel_size is not None:
            return np.full(self.n, self.given_pixel_size)
        sizes = self.optics.pixel_sizes()
        if sizes is not None:
            return sizes
        from_headers = [self._header_pixel_size(stack) for stack in self.stacks]
        return np.array(from_headers)[self.stack_ids]

    @property
    def ctf_applied(self) -> bool:
        """Whether the optics say that images were phase-flipped or multiplied by their CTF."""
        found = [self.optics.floats(tag) for tag in _CTF_APPLIED]
        return any(values is not None and bool(values.any()) for values in found)

    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function; see `ParticleSet.ctf`."""
        defocus = self.optics.floats_or_nan("_rlnDefocusU")
        if defocus is None:
            return None
        none = np.zeros(self.n)
        return {
            "defocus_u": defocus,
            "defocus_v": self._floats_or("_rlnDefocusV", defocus),
            "defocus_angle": self._floats_or("_rlnDefocusAngle", none),
            "phase_shift": self._floats_or("_rlnPhaseShift", none),
            "voltage": self._floats_or("_rlnVoltage"),
            "spherical_aberration": self._floats_or("_rlnSphericalAberration"),
            "amplitude_contrast": self._floats_or("_rlnAmplitudeContrast"),
        }

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
        if len(values) != self.n:
            raise ValueError(f"{self.n} particles are given {len(values)} confidences")
        made = replace(self, edits={**self.edits, _CONFIDENCE: [f"{v:.4f}" for v in values]})
        self._hand_on(made)
        return made

    @property
    def names_raw(self) -> bool:
        """Whether iceblock denoised these images: rlnIceblockRawImageName says from which."""
        return self._tokens(RAW) is not None

    @property
    def denoised(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the file says that an image is denoised: its raw one is another image."""
        raw = self._tokens(RAW)
        if raw is None:
            return np.zeros(self.n, dtype=np.bool_)
        pairs = zip(self.names, raw, strict=True)
        return np.array(
            [not (is_missing(token) or same_image(name, token)) for name, token in pairs]
        )

    def with_classes(self, poses: ClassPoses) -> Self:
        """Give the same particles with classes and poses; see `ParticleSet.with_classes`.

        Angles of an earlier refinement in space become 0, as after RELION's own classification.
        """
        if len(poses.classes) != self.n:
            raise ValueError(f"{self.n} particles are given {len(poses.classes)} classes")
        origins, names = poses.origins, ("_rlnOriginXAngst", "_rlnOriginYAngst")
        if self.optics.table is None:  # before RELION 3.1
            origins, names = origins / self.pixel_sizes[:, None], ("_rlnOriginX", "_rlnOriginY")
        columns: dict[str, Sequence[str] | None] = {
            "_rlnClassNumber": [str(number) for number in poses.classes.tolist()],
            "_rlnAnglePsi": _decimals(poses.psi, 4),
            names[0]: _decimals(origins[:, 0], 4),
            names[1]: _decimals(origins[:, 1], 4),
            "_rlnMaxValueProbDistribution": _decimals(poses.highest, 6),
            "_rlnLogLikeliContribution": _decimals(poses.log_likelihood, 4),
        }
        for tag in ("_rlnAngleRot", "_rlnAngleTilt"):
            if self._tokens(tag) is not None:
                columns[tag] = ["0.0000"] * self.n
        made = replace(self, edits={**self.edits, **columns})
        self._hand_on(made)
        return made

    def with_images(self, names: list[str], again: Sequence[bool] | None = None) -> Self:
        """Give the same particles with denoised images; see `raw_links` for the columns."""
        if len(names) != self.n:
            raise ValueError(f"{self.n} particles are given {len(names)} images")
        stacks = {name.partition("@")[2] for name in names}
        special = [stack for stack in stacks if without_special(stack) != stack]
        if special:
            warn(
                f"RELION takes what follows : % or # in a name for something else and cannot read "
                f"{min(special)}; give an output folder without these characters"
            )
        return self._with(_quoted(names, stacks), linked(self._links(), again))

    def restored(self) -> Self:
        """Give the same particles with their raw images, and the links that they had before."""
        links = unlinked(self._links())
        if links is None:
            raise IceblockError(
                f"{self.source} does not name raw images (it has neither {RAW[1:]} nor "
                f"{ORIGINAL[1:]}); name a STAR file that iceblock wrote or one made from it"
            )
        if not self.names_raw:
            self._refuse_originals_of_others()
        tokens = links.pop(IMAGE)
        assert tokens is not None
        missing = [row for row, token in enumerate(tokens, 1) if is_missing(token)]
        if missing:
            column = RAW if self.names_raw else ORIGINAL
            raise IceblockError(
                f"{self.source}: row {missing[0]} of {self.table.name} has no {column[1:]}; take "
                "the row out or fill it in"
            )
        made = self._with(list(tokens), links)
        made.__dict__.pop("root", None)
        with contextlib.suppress(IceblockError):
            if not all(os.path.isabs(stack) for stack in self.stacks):  # noqa: PTH117
                made.__dict__["root"] = self.root
        return made

    def write(self, path: Path) -> None:
        """Write the STAR file to `path`, whole or not at all; the source itself is refused.

        Names of images start where those of the source do, or are absolute where a reader of
        `path` would not find that place.
        """
        if path.exists() and path.samefile(self.source):
            raise IceblockError(
                f"{path} is the input and is never overwritten; choose another name"
            )
        note = NOTE if self.names_raw else None
        self.star.write(path, note, self.table, self._edits_for(path))

    def _edits_for(self, path: Path) -> dict[str, Sequence[str] | None]:
        """Give the edits with the names of images as they are to stand in `path`."""
        columns = {tag: self.edits[tag] for tag in NAMES_OF_IMAGES if self.edits.get(tag)}
        try:
            root = self.root if columns else None
        except IceblockError:  # no images are there, so nobody can tell where the names start
            root = None
        if root is None or starts_at(path, root, self.source, self.stacks):
            return self.edits
        made = {tag: absolute_names(tokens or (), root) for tag, tokens in columns.items()}
        return {**self.edits, **made}

    def _refuse_originals_of_others(self) -> None:
        """Refuse a rlnImageOriginalName that RELION wrote: it leads from raw images to others."""
        for stack in self.stacks:
            try:
                path = self.path_of(stack)
            except IceblockError:
                return
            if path.exists() and not is_of_iceblock(path):
                raise IceblockError(
                    f"{self.source} has no {RAW[1:]}, and iceblock did not denoise {stack}: its "
                    f"{ORIGINAL[1:]} is RELION's own link, of subtracted particles for example; "
                    "name a STAR file of denoised particles"
                )

    def _with(self, tokens: list[str], links: dict[str, Sequence[str] | None]) -> Self:
        made = replace(
            self,
            **_image_fields(tokens, self.source, self.table),
            edits={**self.edits, **links, IMAGE: tokens},
        )
        self._hand_on(made)
        return made

    def _links(self) -> dict[str, Sequence[str] | None]:
        return {tag: self._tokens(tag) for tag in NAMES_OF_IMAGES}

    def _hand_on(self, made: Self) -> None:
        """Keep what was already found out from the raw images: it stays true of new ones."""
        for known in ("root", "pixel_sizes"):
            if known in self.__dict__:
                made.__dict__[known] = self.__dict__[known]

    def _tokens(self, tag: str) -> Sequence[str] | None:
        if tag in self.edits:
            return self.edits[tag]
        return self.table.column(tag) if tag in self.table else None

    def _floats_or(
        self, tag: str, default: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        values = self.optics.floats_or_nan(tag)
        if values is not None:
            return values
        if default is not None:
            return default
        raise IceblockError(
            f"{self.source} gives a defocus and no {tag[1:]}; add it to the optics table"
        )

    def _header_pixel_size(self, stack: str) -> float:
        size = stack_header(self, stack).pixel_size
        # 1.0 is what programs write that do not know the pixel size.
        if size == 0.0 or size == 1.0 or not 0.05 < size < 100:
            raise IceblockError(
                f"{self.source} gives no pixel size, and the header of {stack} says "
                f"{size:g} Å, which stands for an unknown one; give --pixel-size in Å"
            )
        return size


def _quoted(names: list[str], stacks: Iterable[str]) -> list[str]:
    # An image name begins with a number, so only the stack in it can ask for quotes.
    odd = any(quote(stack) != stack for stack in stacks)
    return [quote(name) for name in names] if odd else names


def _image_fields(tokens: list[str], source: Path, table: StarTable) -> dict[str, Any]:
    parsed = parse_image_names(tokens, source, table.name)
    for stack in parsed.stacks:
        quote(stack)  # refuses what could not be written again
    return {"names": tokens} | {item.name: getattr(parsed, item.name) for item in fields(parsed)}


def _decimals(values: npt.NDArray[np.float64], places: int) -> list[str]:
    return [f"{value:.{places}f}" for value in values.tolist()]


def _find_particles(star: StarFile) -> StarTable:
    table = star.find(IMAGE, block="particles") or star.find(IMAGE)
    if table is not None and len(table) > 0:
        return table
    if table is not None:
        raise IceblockError(
            f"{star.path} has no particles: {table.name} is empty; select some particles first"
        )
    for tag, what in _OTHER_TABLES.items():
        if star.find(tag) is not None:
            raise IceblockError(f"{star.path} has no particles: it {what}")
    raise IceblockError(
        f"{star.path} has no particles: none of its tables has the column rlnImageName; name the "
        "STAR of the extracted particles"
    )


def _refuse_volumes(star: StarFile) -> None:
    """Refuse subtomograms: volumes, and one stack of tilt images for each particle."""
    for tag, value in (("_rlnImageDimensionality", 3), ("_rlnTomoSubTomosAre2DStacks", 1)):
        table = star.find(tag)
        if table is not None and (table.floats(tag) == value).any():
            raise IceblockError(
                f"{star.path} holds subtomograms ({tag[1:]} {value}), which cannot be denoised; "
                "name the STAR of single particles"
            )
