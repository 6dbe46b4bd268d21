"""Model files and parts of noise banks whose descriptions ask for too much."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save

from core.denoise.model_file import load_model, read_description
from core.errors import IceblockError
from core.images.tensor_file import read_tensors
from core.noise.bank import OpticsGroup
from core.noise.bank_writer import BankWriter
from core.segment.model_file import load_model as load_segmentation

from .hostile_files import npy, stretch

if TYPE_CHECKING:
    from collections.abc import Callable


def model_with(path: Path, **changes: Any) -> Path:
    """Change values in the description of a model file: `card` or `config`."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    description = json.loads(header["__metadata__"]["iceblock"])
    for part, values in changes.items():
        description[part] |= values
    header["__metadata__"]["iceblock"] = json.dumps(description)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    return path


STATISTICS: dict[str, Any] = {
    "frequency": [0, 0.1], "mean": [1, 1], "lowest": [1, 1], "highest": [1, 1], "skewness": 0,
    "kurtosis": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"widths": [10**9, 10**9]}}, {"config": {"widths": [16_000, 16_000]}},
        {"config": {"residual_blocks": 10**9}}, {"config": {"residual_blocks": -1}},
        {"config": {"strides": [1, 0]}}, {"config": {"strides": [64, 64]}},
        {"config": {"stem_kernel": 10**6 + 1}}, {"config": {"stem_shuffle": 10**5}},
        {"config": {"widths": "ab"}}, {"config": {"widths": [4.0, 8]}}, {"config": {"norm": 3}},
        {"config": {"input_skip": "yes"}}, {"config": {"self": 1}}, {"config": {"widths": []}},
        {"card": {"working_pixel_size": float("nan")}}, {"card": {"working_pixel_size": 0}},
        {"card": {"working_pixel_size": "4"}}, {"card": {"name": None}}, {"card": {"name": [1]}},
        {"card": {"box_range": [1]}}, {"card": {"snr_range": [None, 1]}}, {"card": {"scores": 1}},
        {"card": {"volumes": [3]}}, {"card": {"training": []}},
        {"card": {"noise_statistics": []}}, {"card": {"noise_statistics": {"mean": [1, 1]}}},
        {"card": {"noise_statistics": STATISTICS | {"mean": [1]}}},
        {"card": {"noise_statistics": STATISTICS | {"mean": ["1", 1]}}},
        {"card": {"noise_statistics": STATISTICS | {"mean": [float("nan"), 1]}}},
        {"card": {"noise_statistics": STATISTICS | {"lowest": [-1, 1]}}},
        {"card": {"noise_statistics": STATISTICS | {"frequency": [0.1, 0]}}},
        {"card": {"noise_statistics": STATISTICS | {"skewness": None}}},
        {"card": {"noise_statistics": {name: [] for name in STATISTICS}}},
    ],
)  # fmt: skip
def test_models_that_describe_themselves_wrongly(
    project: Callable[[str], Path], changes: dict[str, Any]
) -> None:
    path = model_with(project("model") / "denoise.safetensors", **changes)
    with pytest.raises(IceblockError, match=r"denoise\.safetensors"):
        load_model(path)


@pytest.mark.parametrize("widths", [[10**9, 10**9], [16_000, 16_000], [], [2] * 50, "ab", [2.0]])
def test_segmentation_models(project: Callable[[str], Path], widths: object) -> None:
    path = model_with(project("model") / "segment.safetensors", config={"widths": widths})
    with pytest.raises(IceblockError, match="contradicts itself"):
        load_segmentation(path)


@pytest.mark.parametrize(
    "text", ['{"a":' * 5000 + "1" + "}" * 5000, "1" * 5000, "[" * 100_000, "3", '"x"', "null"]
)
def test_descriptions_without_end(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(save({"a": torch.zeros(3)}, metadata={"iceblock": text}))
    with pytest.raises(IceblockError, match=r"m\.safetensors was not written by iceblock"):
        read_description(path)


@pytest.mark.parametrize(
    "header",
    [b"{" * 100_000, b"[]", b"3", b'{"a":3}', b'{"a":{"data_offsets":[0]}}', b"1" * 5000, b"\xff",
     b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}'],
)  # fmt: skip
def test_headers_of_model_files(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "m.safetensors"
    for length in (len(header), 0, 1 << 62, (1 << 64) - 1):
        path.write_bytes(struct.pack("<Q", length) + header)
        for file in (path, stretch(path)):
            with pytest.raises(IceblockError, match=r"m\.safetensors"):
                read_tensors(file, None)


def test_a_part_that_unpacks_to_much(project: Callable[[str], Path]) -> None:
    path = project("bank") / "Noise/Working/000001.npz"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["mean.npy"] = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (30000000,)}")
    members["mean.npy"] += bytes(240_000_000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    writer = BankWriter(Path("Noise"), 16, [OpticsGroup(4.0)])
    with pytest.raises(IceblockError, match="damaged"):
        writer.count(0)
    assert writer.count(1) == 2
