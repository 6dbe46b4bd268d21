"""Small, whole projects that the readers under test read."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import tifffile
import torch
from PIL import Image

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, save_model
from core.noise.bank import OpticsGroup
from core.noise.bank_table import BankPart, write_bank
from core.noise.bank_writer import BankWriter
from core.segment.model_file import SegmentationCard
from core.segment.model_file import save_model as save_segmentation
from core.segment.network import NetworkConfig, SegmentationNet
from core.sets.covariance.learn import learn
from core.sets.covariance.set_file import write_priors
from core.signal.ctf import random_ctf

if TYPE_CHECKING:
    from pathlib import Path


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(100, 9, shape).astype(np.float32)


def write_images(path: Path, *shape: int, pixel_size: float = 4.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path) as file:
        file.set_data(noise(*shape))
        if len(shape) == 3 and path.suffix == ".mrcs":
            file.set_image_stack()
        file.voxel_size = pixel_size
        file.header.label = b""  # which would tell the time


_CTF = "300 2.7 0.1 4.0 32"


def make_star(folder: Path) -> None:
    write_images(folder / "S/a.mrcs", 3, 32, 32)
    write_images(folder / "S/b c.mrcs", 2, 32, 32)
    images = [f"00000{k}@S/a.mrcs" for k in (1, 3, 2)] + ["'000002@S/b c.mrcs'"]
    rows = [f"{12000 + k} 11900.5 {k * 7.5} {name} 1 1.5e-0{k}" for k, name in enumerate(images)]
    tags = ["DefocusU", "DefocusV", "DefocusAngle", "ImageName", "OpticsGroup", "Note"]
    loop = [f"_rln{tag} #{number}" for number, tag in enumerate(tags, 1)]
    optics = (
        "# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n"
        "_rlnVoltage #3\n_rlnSphericalAberration #4\n_rlnAmplitudeContrast #5\n"
        f"_rlnImagePixelSize #6\n_rlnImageSize #7\n1 og1 {_CTF}\n\n\n# version 30001\n\n"
    )
    body = "\n".join(["data_particles", "", "loop_", *loop, *rows, ""])
    (folder / "particles.star").write_text(optics + body)
    general = "data_general\n\n_rlnFinalResolution 4.3\n_rlnComment 'é è'\n\n"
    original = body.replace("1.5e-0", "000001@S/a.mrcs").replace("rlnNote", "rlnImageOriginalName")
    (folder / "denoised.star").write_text(general + optics + original)
    old = [f"{name} 12000 300 2.7 0.1 10000 4.0" for name in images]
    tags = ["ImageName", "DefocusU", "Voltage", "SphericalAberration", "AmplitudeContrast"]
    tags += ["Magnification", "DetectorPixelSize"]
    (folder / "old.star").write_text(
        "\n".join(["data_", "", "loop_", *(f"_rln{tag}" for tag in tags), *old, ""])
    )


def cs_records(n: int = 4) -> np.ndarray:
    kinds = [("uid", "<u8"), ("blob/path", "S12"), ("blob/idx", "<u4"), ("blob/shape", "<u4", (2,))]
    kinds += [("blob/psize_A", "<f4"), ("blob/sign", "<f4"), ("blob/import_sig", "<u8")]
    kinds += [("ctf/exp_group_id", "<u4"), ("ctf/accel_kv", "<f4"), ("ctf/cs_mm", "<f4")]
    kinds += [("ctf/amp_contrast", "<f4"), ("ctf/df1_A", "<f4"), ("ctf/df2_A", "<f4")]
    kinds += [("ctf/df_angle_rad", "<f4"), ("ctf/phase_shift_rad", "<f4")]
    kinds += [("alignments3D/pose", "<f4", (3,)), ("alignments3D/shift", "<f4", (2,))]
    kinds += [("alignments3D/psize_A", "<f4"), ("location/micrograph_path", "S12")]
    kinds += [("location/micrograph_shape", "<u4", (2,)), ("location/center_x_frac", "<f4")]
    kinds += [("location/center_y_frac", "<f4"), ("micrograph_blob/path", "S12")]
    kinds += [("micrograph_blob/psize_A", "<f4")]
    records = np.zeros(n, dtype=kinds)
    for name in records.dtype.names or ():
        records[name] = 0.25 if records[name].dtype.kind == "f" else 2
    records["uid"] = np.arange(n) * 977 + 5
    records["blob/path"] = [b"S/a.mrc", b"S/a.mrc", b"S/b c.mrc", b"S/a.mrc"][:n]
    records["blob/idx"] = np.arange(n) % 2
    records["blob/shape"] = 32
    records["blob/psize_A"], records["blob/sign"] = 4.0, -1.0
    records["location/micrograph_path"] = records["micrograph_blob/path"] = b"S/mic.mrc"
    return records


def make_cs(folder: Path) -> None:
    write_images(folder / "S/a.mrc", 3, 32, 32)
    write_images(folder / "S/b c.mrc", 2, 32, 32)
    records = cs_records()
    for name, part in (("particles", records), ("short", records[:1])):
        with (folder / f"{name}.cs").open("wb") as file:
            np.lib.format.write_array(file, part)
    try:
        from cryosparc.dataset import CSDAT_FORMAT, Dataset
    except ImportError:
        return
    Dataset(records).save(folder / "packed.cs", format=CSDAT_FORMAT)


def make_mrc(folder: Path) -> None:
    write_images(folder / "stack.mrcs", 3, 32, 32)
    write_images(folder / "mic.mrc", 48, 64)
    with mrcfile.new(folder / "bytes.mrc") as file:
        file.set_data(noise(48, 64).astype(np.int8))
    with mrcfile.new(folder / "half.mrcs") as file:
        file.set_data(noise(2, 32, 32).astype(np.float16))


def make_micrographs(folder: Path) -> None:
    make_mrc(folder)
    (folder / "stack.mrcs").unlink()
    (folder / "half.mrcs").unlink()
    image = noise(48, 64)
    for compression in (None, "zlib"):
        name = f"{compression or 'plain'}.tif"
        tifffile.imwrite(
            folder / name, image, compression=compression,
            resolution=(2.5e7, 2.5e7), resolutionunit="CENTIMETER",
        )  # fmt: skip
    tifffile.imwrite(folder / "tiles.tiff", image.astype(np.int16), tile=(16, 16))
    Image.fromarray(image.astype(np.uint8)).save(folder / "lzw.tif", compression="tiff_lzw")
    Image.fromarray(image.astype(np.uint8)).save(folder / "grey.png")
    Image.fromarray((image > 100).astype(np.uint8)).convert("P").save(folder / "palette.png")
    Image.fromarray(np.stack([image] * 4, -1).astype(np.uint8)).save(folder / "colour.png")
    Image.fromarray(image.astype(np.uint8)).save(folder / "photo.jpg")
    names = ["mic.mrc", "plain.tif", "bytes.mrc"]
    (folder / "micrographs.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n1 4.0\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n"
        + "".join(f"{name} 1\n" for name in names)
    )


def make_models(folder: Path) -> None:
    torch.manual_seed(0)
    config = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)
    card = ModelCard(
        "tiny", 4.0, (0.01, 2.0), (3.7, 5.5), (48, 96), (5000.0, 35000.0),
        volumes=("a",), training={"steps": 3}, scores={"psnr": {"all": 20.0}},
    )  # fmt: skip
    save_model(folder / "denoise.safetensors", Generator(config), card)
    save_model(folder / "half.safetensors", Generator(config), card, half=True)
    network = SegmentationNet(NetworkConfig((2, 4)))
    save_segmentation(folder / "segment.safetensors", network, SegmentationCard("tiny", ("a",)))


def make_sets(folder: Path) -> None:
    d = np.arange(16) - 8
    blob = 3 * np.exp(-(d[:, None] ** 2 + d**2) / 9).astype(np.float32)
    images = torch.from_numpy((noise(120, 16, 16) - 100) / 9 + blob)
    ctf = random_ctf(np.random.default_rng(0), 120)
    for name, given in (("with_ctf", ctf), ("without", None)):
        prior = learn(images, given, 8.0)
        assert prior is not None
        write_priors(folder / f"{name}.safetensors", {(32, 4.0): prior})


def make_bank(folder: Path) -> None:
    rng = np.random.default_rng(0)
    parts = [
        BankPart.of_micrograph(
            f"mic{k}", noise(2, 16, 16), rng.uniform(0, 400, (2, 2)), np.ones(2), np.ones(2)
        )
        for k in range(2)
    ]
    writer = BankWriter(folder / "Noise", 16, [OpticsGroup(4.0)])
    for number, part in enumerate(parts):
        writer.add(number, part)
    write_bank(folder / "Noise", parts, 4, 16, [OpticsGroup(4.0)])


_ATOM = "ATOM  {0:5d}  CA  ALA A{0:4d}    {1:8.3f}{2:8.3f}{3:8.3f}  1.00 20.00           C\n"
_CIF = "ATOM {0} C CA . ALA A 1 {0} ? {1:.3f} {2:.3f} {3:.3f} 1.00 20.00 ? {0} ALA A CA 1\n"
_CIF_TAGS = (
    "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id "
    "label_entity_id label_seq_id pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy "
    "B_iso_or_equiv pdbx_formal_charge auth_seq_id auth_comp_id auth_asym_id auth_atom_id "
    "pdbx_PDB_model_num"
)


def make_volumes(folder: Path) -> None:
    write_images(folder / "map.mrc", 10, 12, 12)
    write_images(folder / "other.map", 12, 12, 12, pixel_size=4.001)
    (folder / "packed.map.gz").write_bytes(
        gzip.compress((folder / "map.mrc").read_bytes(), mtime=0)
    )
    atoms = [(k, 7.0 * np.sin(k), 9.0 * np.cos(k), 1.5 * k) for k in range(1, 9)]
    text = "".join(_ATOM.format(*atom) for atom in atoms) + "END\n"
    (folder / "model.pdb").write_text(text)
    (folder / "model.pdb.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    tags = "".join(f"_atom_site.{tag}\n" for tag in _CIF_TAGS.split())
    rows = "".join(_CIF.format(*atom) for atom in atoms)
    (folder / "model.cif").write_text(f"data_model\nloop_\n{tags}{rows}")


def make_picks(folder: Path) -> None:
    for name in ("Micrographs", "Pick", "Boxes", "Old/Micrographs"):
        (folder / name).mkdir(parents=True)
    places = "".join(f"{k * 11.5} {k * 7.25} 1\n" for k in range(4))
    table = f"data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnClassNumber #3\n{places}"
    for k in (1, 2):
        (folder / f"Pick/mic{k}_autopick.star").write_text(table)
        (folder / f"Old/Micrographs/mic{k}_manual.star").write_text(table)
        (folder / f"Boxes/mic{k}.box").write_text("10 20 64 64\n100\t200\t64\t64 -3\n")
    rows = [f"Micrographs/mic{k}.mrc Pick/mic{k}_autopick.star" for k in (1, 2)]
    (folder / "autopick.star").write_text(
        "data_coordinate_files\n\nloop_\n_rlnMicrographName\n_rlnMicrographCoordinates\n"
        + "\n".join([*rows, ""])
    )
    (folder / "Old/coords_suffix_manual.star").write_text("micrographs.star\n")
    rows = [f"{k * 20.5} {k * 3} Micrographs/mic{1 + k % 2}.mrc" for k in range(6)]
    tags = "_rlnCoordinateX\n_rlnCoordinateY\n_rlnMicrographName\n"
    text = "\n".join([f"data_particles\n\nloop_\n{tags}", *rows, ""])
    (folder / "particles.star").write_text(text)
