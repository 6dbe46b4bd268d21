"""Class averages that a user has: a stack, RELION's list of classes, or CryoSPARC's templates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from .cs.fields import PATH, PIXEL_SIZE, image_references
from .cs.table import read_table
from .mrc.reader import read_header, read_images
from .project_root import find_root
from .references import ImageReferences
from .star.document import StarFile
from .star.image_names import parse_image_names

STACKS = (".mrcs", ".mrc", ".st")
_NAME = "_rlnReferenceImage"
_PIXEL_SIZES = ("_rlnPixelSize", "_rlnImagePixelSize")
MOST = 1000


@dataclass(frozen=True, eq=False)
class ClassAverages:
    """k pictures of classes that hold particles.

    Attributes
    ----------
    path
        What was read.
    images : (k, box, box) float32
    pixel_size
        Å.
    """

    path: Path
    images: npt.NDArray[np.float32]
    pixel_size: float


def class_stacks(path: Path, project_dir: Path | None = None) -> list[Path]:
    """Name the stacks that a file of class averages lists; see `read_class_averages`."""
    if path.suffix.lower() in STACKS:
        return []
    references, _ = _listed(path)
    root = project_dir or find_root(path, references.stacks)
    return [root / stack for stack in references.stacks]


def read_class_averages(path: Path, project_dir: Path | None = None) -> ClassAverages:
    """Read class averages; classes without particles, which are 0 everywhere, are left out.

    Parameters
    ----------
    path
        A stack (.mrcs, .mrc), a `_model.star` or `class_averages.star` of RELION, or a .cs file of
        CryoSPARC's templates.
    project_dir
        Where the paths in a list start; found if it is None.

    Raises
    ------
    IceblockError
        If the file is missing, of another kind, without a pixel size, or holds no picture.
    """
    if path.suffix.lower() in STACKS:
        stack = read_header(path)
        return _checked(path, [read_images(stack, np.arange(stack.n_images))], stack.pixel_size)
    references, pixel_size = _listed(path)
    root = project_dir or find_root(path, references.stacks)
    found = []
    for place, name in enumerate(references.stacks):
        stack = read_header(root / name)
        wanted = references.indices[references.stack_ids == place]
        if wanted.max() >= stack.n_images:
            raise IceblockError(
                f"{path} names image {wanted.max() + 1} of {stack.path}, which holds "
                f"{stack.n_images}; make the class averages again"
            )
        found.append(read_images(stack, wanted))
        pixel_size = pixel_size or stack.pixel_size
    return _checked(path, found, pixel_size)


def _listed(path: Path) -> tuple[ImageReferences, float]:
    """Read which images a file lists, and their pixel size (0 where it does not tell)."""
    suffix = path.suffix.lower()
    if suffix == ".cs":
        records = read_table(path)
        if PATH not in (records.dtype.names or ()):
            raise IceblockError(
                f"{path} has no {PATH}, so it lists no images; name the templates of a 2D "
                "classification"
            )
        sizes = records[PIXEL_SIZE] if PIXEL_SIZE in (records.dtype.names or ()) else [0.0]
        return image_references(records, path), float(sizes[0])
    if suffix != ".star":
        raise IceblockError(
            f"{path} has an unknown suffix: give class averages as a stack (.mrcs, .mrc), as "
            "RELION's _model.star, or as CryoSPARC's .cs file of templates"
        )
    star = StarFile.read(path)
    table = star.find(_NAME)
    if table is None or not len(table):
        raise IceblockError(
            f"{path} lists no class averages (it has no rlnReferenceImage); name the _model.star "
            "of a 2D classification, or the stack itself"
        )
    names = parse_image_names(table.column(_NAME), path, "its list of classes")
    for tag in _PIXEL_SIZES:
        if (sizes_table := star.find(tag)) is not None and len(sizes_table):
            return names, float(sizes_table.floats(tag)[0])
    return names, 0.0


def _checked(path: Path, parts: list[npt.NDArray[np.float32]], pixel_size: float) -> ClassAverages:
    """Put the pictures together, and see that they can be used."""
    shapes = {part.shape[1:] for part in parts}
    box_y, box_x = next(iter(shapes))
    if len(shapes) > 1 or box_y != box_x or box_y < 16:
        raise IceblockError(
            f"{path} holds images of {' and '.join(f'{x} x {y}' for y, x in sorted(shapes))} "
            "pixels; class averages are square, all of one box of 16 pixels or more"
        )
    images = np.concatenate(parts)
    if not np.isfinite(images).all():
        raise IceblockError(f"{path} holds NaN or infinite values; make the class averages again")
    flat = images.reshape(len(images), -1)
    images = images[flat.max(1) > flat.min(1)]
    if not len(images):
        raise IceblockError(f"{path} holds no picture: all its classes are empty")
    if len(images) > MOST:
        raise IceblockError(
            f"{path} holds {len(images)} images, and class averages are {MOST} at most; name the "
            "class averages and not the particles"
        )
    if not 0.01 < pixel_size < 1000:
        raise IceblockError(
            f"{path} does not tell the pixel size of its class averages: set it, for example with "
            "relion_image_handler --i STACK --o STACK --force_header_angpix ANGPIX"
        )
    return ClassAverages(path, images, pixel_size)
