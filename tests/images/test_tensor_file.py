import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from core.errors import IceblockError
from core.images.tensor_file import digest, read_tensors, write_tensors


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "net.safetensors"
    tensors = {"a": torch.randn(3, 4), "count": torch.tensor(7)}
    write_tensors(path, "net", {"card": {"name": "x"}}, tensors)
    description, read = read_tensors(path, "net")
    assert description["card"] == {"name": "x"}
    assert torch.equal(read["a"], tensors["a"])
    assert int(read["count"]) == 7
    assert len(digest(path)) == 64


def test_half_the_space_keeps_three_digits(tmp_path):
    path = tmp_path / "net.safetensors"
    weights = torch.randn(100)
    write_tensors(path, "net", {}, {"a": weights}, half=True)
    _, read = read_tensors(path, "net")
    assert read["a"].dtype == torch.float32
    torch.testing.assert_close(read["a"], weights, rtol=1e-3, atol=1e-3)


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(pickle.dumps({"a": 1}, protocol=4))
    with pytest.raises(IceblockError, match="pickle"):
        read_tensors(path, "net")
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(IceblockError, match="pickle"):
        read_tensors(path, "net")


@pytest.mark.parametrize("content", [b"", b"abc", b"\0" * 64, b"\xff" * 200])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(IceblockError, match="not a safetensors file"):
        read_tensors(path, "net")


def test_a_strangers_file_is_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(IceblockError, match="not written by iceblock"):
        read_tensors(path, "net")


def test_another_format_and_another_network_are_named(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"iceblock": json.dumps({"format": 99})})
    with pytest.raises(IceblockError, match="format 99"):
        read_tensors(path, "net")
    write_tensors(path, "generator", {}, {"a": torch.zeros(1)})
    with pytest.raises(IceblockError, match="holds a generator and a net is wanted"):
        read_tensors(path, "net")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(IceblockError, match="gone"):
        read_tensors(tmp_path / "gone.safetensors", "net")
