"""Volumes whose projections are known on paper, and small files of maps and atoms."""

import warnings
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt

from core.simulate.volumes import Volume

Points = npt.NDArray[np.float64]

# Gaussians without any symmetry: xyz in Å.
CORNERS = np.array(
    [[30.0, 0, 0], [0, 18.0, 0], [0, 0, -24.0], [-12.0, -20.0, 10.0], [8.0, 4.0, 16]]
)


def axis(n: int, pixel_size: float) -> Points:
    """Å from the centre pixel n // 2."""
    return (np.arange(n) - n // 2) * pixel_size


def blobs(
    points: Points, shape: tuple[int, ...], pixel_size: float, sigma: float
) -> npt.NDArray[np.float32]:
    """Gaussians of height 1 at (k, d) points (xyz or xy, Å) in an image or a volume."""
    factors = [
        np.exp(-((axis(n, pixel_size)[:, None] - points[:, d]) ** 2) / (2 * sigma**2))
        for n, d in zip(shape, reversed(range(len(shape))), strict=True)
    ]
    subscripts = "zk,yk,xk->zyx" if len(shape) == 3 else "yk,xk->yx"
    return np.einsum(subscripts, *factors).astype(np.float32)


def blob_volume(
    box: int = 48, pixel_size: float = 2.5, sigma: float = 6.0, points: Points = CORNERS
) -> Volume:
    return Volume(blobs(points, (box,) * 3, pixel_size, sigma), pixel_size, "blobs")


def centred(data: npt.NDArray[np.float32], box: int) -> npt.NDArray[np.float32]:
    """Pad or crop an array of any dimension; the pixel n // 2 goes to box // 2."""
    for d, n in enumerate(data.shape):
        wide = np.pad(data, [(box, box) if k == d else (0, 0) for k in range(data.ndim)])
        start = box + n // 2 - box // 2
        data = np.take(wide, range(start, start + box), axis=d)
    return data


def correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    return float(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])


def moments(data: npt.NDArray[np.float32], pixel_size: float) -> tuple[Points, Points]:
    """Centre of mass and standard deviation along x, y, z in Å."""
    weight = data / data.sum(dtype=np.float64)
    places, spreads = [], []
    for d in reversed(range(data.ndim)):
        profile = weight.sum(axis=tuple(k for k in range(data.ndim) if k != d))
        t = axis(len(profile), pixel_size)
        place = float((profile * t).sum())
        places.append(place)
        spreads.append(float((profile * (t - place) ** 2).sum()) ** 0.5)
    return np.array(places), np.array(spreads)


def write_map(
    path: Path, data: npt.NDArray[np.generic], pixel_size: float | tuple[float, ...]
) -> Path:
    with warnings.catch_warnings(action="ignore"), mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(data)  # warns of NaN, which some tests want
        mrc.voxel_size = pixel_size
    return path


def write_stack(path: Path, images: npt.NDArray[np.float32], pixel_size: float) -> Path:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(images)
        mrc.set_image_stack()
        mrc.voxel_size = pixel_size
    return path


def pdb_atom(
    number: int,
    xyz: npt.ArrayLike,
    element: str = "C",
    residue: str = "ALA",
    chain: str = "A",
    altloc: str = " ",
) -> str:
    x, y, z = np.asarray(xyz, dtype=float)
    return (
        f"ATOM  {number:5d}  {element:<3s}{altloc}{residue} {chain}{number:4d}    "
        f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00          {element:>2s}\n"
    )


def write_pdb(path: Path, atoms: Points, chain: str = "A") -> Path:
    lines = [pdb_atom(k + 1, xyz, chain=chain) for k, xyz in enumerate(atoms)]
    path.write_text("".join(lines) + "END\n")
    return path


def write_cif(path: Path, atoms: Points) -> Path:
    tags = "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id "
    tags += "label_entity_id label_seq_id Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv "
    tags += "auth_seq_id auth_asym_id pdbx_PDB_model_num"
    lines = ["data_tiny", "loop_", *(f"_atom_site.{tag}" for tag in tags.split())]
    for k, (x, y, z) in enumerate(atoms, 1):
        lines.append(f"ATOM {k} C CA . ALA A 1 {k} {x:.3f} {y:.3f} {z:.3f} 1.0 20.0 {k} A 1")
    path.write_text("\n".join(lines) + "\n")
    return path


def atoms(n: int = 80, radius: float = 22.0, seed: int = 0) -> Points:
    """Points in a ball without symmetry, far from the origin, on PDB's grid of 0.001 Å."""
    rng = np.random.default_rng(seed)
    xyz = rng.normal(size=(n, 3)) * [1.0, 0.6, 0.35]
    xyz *= radius / np.linalg.norm(xyz, axis=1).max()
    return np.round(xyz + np.array([100.0, -50.0, 7.0]), 3)
