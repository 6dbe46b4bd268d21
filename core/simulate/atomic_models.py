"""Densities of atomic models (PDB, mmCIF) through gemmi's electron scattering factors."""

from __future__ import annotations

import zlib
from pathlib import Path

import gemmi
import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.input_file import open_input, refuse_beyond_memory
from ..images.unpacking import Unpacked
from .volume import Volume

PADDING = 1.15
"""Box edge over the model's largest diameter."""
_LARGEST_BOX, _LARGE_BOX = 1280, 256
_LOOSEST = 1e6  # Å³ for each atom in the sphere about them; a filament of Cα has some 1e5
_BEGINNING, _PIECE, _LONGEST = 1 << 16, 1 << 24, 1 << 29  # bytes
_FARTHEST = 1e6  # Å from the origin


def read_model(path: Path) -> gemmi.Structure:
    """Read the first model of a PDB or mmCIF file (also .gz), without waters and hydrogens.

    Raises
    ------
    IceblockError
        If gemmi cannot read the file or it holds no atoms.
    """
    pdb = any(suffix.lower() in (".pdb", ".ent") for suffix in path.suffixes)
    kind = gemmi.CoorFormat.Pdb if pdb else gemmi.CoorFormat.Detect
    try:
        text = _text(path)
        structure = gemmi.read_structure_string(text, merge_chain_parts=True, format=kind)
    except (RuntimeError, ValueError, OSError, LookupError, EOFError, zlib.error) as error:
        raise IceblockError(f"Atomic model {path} cannot be read: {error}.") from error
    if len(structure) == 0:
        raise IceblockError(f"Atomic model {path} holds no atoms.")
    while len(structure) > 1:
        del structure[-1]
    structure.remove_alternative_conformations()
    structure.remove_hydrogens()
    structure.remove_waters()
    structure.remove_empty_chains()
    if structure[0].count_atom_sites() == 0:
        raise IceblockError(f"Atomic model {path} holds no atoms besides water and hydrogen.")
    if not (np.abs(positions(structure)) < _FARTHEST).all():
        raise IceblockError(
            f"Atomic model {path} holds coordinates that are not numbers, or too far away."
        )
    structure.name = path.name.split(".")[0]
    return structure


def _text(path: Path) -> bytes:
    """Read a file, gzipped or not; ValueError for one that is no text or has no end."""
    with open_input(path) as file:
        unpacked = Unpacked(file) if path.suffix.lower() == ".gz" else file
        text = bytearray(unpacked.read(_BEGINNING))
        if b"\0" in text:
            raise ValueError("it is no text")
        while part := unpacked.read(_PIECE):
            text += part
            if len(text) > _LONGEST or (len(part) == _PIECE and b"\n" not in part):
                raise ValueError("it is longer than any model, or has no lines")
    return bytes(text)


def positions(structure: gemmi.Structure) -> npt.NDArray[np.float64]:
    """Atom positions, (n, 3) xyz in Å."""
    return np.array([a.atom.pos.tolist() for a in structure[0].all()], dtype=np.float64)


def density_of_model(
    structure: gemmi.Structure, pixel_size: float, resolution: float | None = None
) -> Volume:
    """Electrostatic density of a model, centred in an even cubic box.

    Every atom gets the B factor 8π²(0.225 · resolution)², which gives a map of about that
    resolution (the rule of UCSF Chimera's molmap).

    Parameters
    ----------
    structure
        From `read_model`.
    pixel_size, resolution
        Å; the resolution defaults to twice the pixel size.
    """
    resolution = max(resolution or 0.0, 2 * pixel_size)
    xyz = positions(structure)
    centre = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    radius = float(np.linalg.norm(xyz - centre, axis=1).max())
    box = 2 * int(np.ceil(PADDING * radius / pixel_size)) + 4
    lost = box > _LARGE_BOX and 4.2 * radius**3 / len(xyz) > _LOOSEST
    if lost or box > _LARGEST_BOX:
        raise IceblockError(
            f"Atomic model {structure.name} has atoms {2 * radius:.4g} Å apart, which takes a box "
            f"of {box} pixels: remove stray atoms, or choose a larger pixel size."
        )
    refuse_beyond_memory(Path(structure.name), 12 * box**3)
    edge = box * pixel_size
    moved = structure.clone()
    shift = gemmi.Vec3(*(edge / 2 - centre))
    moved[0].transform_pos_and_adp(gemmi.Transform(gemmi.Mat33(), shift))
    for site in moved[0].all():
        site.atom.aniso = gemmi.SMat33f(0, 0, 0, 0, 0, 0)
        site.atom.b_iso = 8 * np.pi**2 * (0.225 * resolution) ** 2
        site.atom.occ = 1.0
    calculator = gemmi.DensityCalculatorE()
    calculator.d_min = 2 * pixel_size
    calculator.rate = 1
    calculator.grid.unit_cell = gemmi.UnitCell(edge, edge, edge, 90, 90, 90)
    calculator.grid.spacegroup = gemmi.SpaceGroup("P 1")
    calculator.grid.set_size(box, box, box)
    calculator.add_model_density_to_grid(moved[0])
    data = np.array(calculator.grid, dtype=np.float32).transpose(2, 1, 0)
    return Volume(np.ascontiguousarray(data), pixel_size, structure.name)
