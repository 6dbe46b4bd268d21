"""Files that would run code when they are unpickled, and sentences that would steer a terminal."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.denoise.model_file import load_model
from core.errors import IceblockError
from core.images.cs.table import read_table
from core.images.disk import replacing
from core.noise.bank import OpticsGroup
from core.noise.bank_writer import BankWriter
from core.segment.model_file import load_model as load_segmentation


class Bomb:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def test_a_sentence_stays_one_printable_line() -> None:
    error = IceblockError("a\nb\x1b[31m\u202e\0 is wrong " + "x" * 100_000 + "; do this")
    assert str(error).startswith(r"a\nb\x1b[31m\u202e\x00 is wrong x")
    assert str(error).endswith("; do this")
    assert len(str(error)) < 2000
    assert len(str(IceblockError("\n" * 3000))) < 2000
    assert str(IceblockError("Grüße: 4 Å, 日本")) == "Grüße: 4 Å, 日本"
    assert str(IceblockError(os.fsdecode(b"\xff"))) == r"\udcff"


def test_no_pickle_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bombs = np.array([Bomb()], dtype=object)
    np.save("bomb.npy", bombs)
    for name in ("bomb.cs", "bomb.npy"):
        Path("bomb.npy").replace("bomb.cs") if name == "bomb.cs" else np.save(name, bombs)
    fields = np.zeros(1, [("uid", "<u8"), ("blob/path", "O")])
    fields["blob/path"] = bombs
    np.save("field.npy", fields)
    Path("field.npy").replace("field.cs")
    Path("plain.cs").write_bytes(pickle.dumps(Bomb()))
    for name in ("bomb.cs", "field.cs", "plain.cs"):
        with pytest.raises(IceblockError, match=r"\.cs"):
            read_table(Path(name))
    torch.save({"x": Bomb()}, "bomb.safetensors")
    Path("old.safetensors").write_bytes(pickle.dumps(Bomb(), protocol=2))
    for name in ("bomb.safetensors", "old.safetensors"):
        with pytest.raises(IceblockError, match="pickle"):
            load_model(Path(name))
        with pytest.raises(IceblockError, match="pickle"):
            load_segmentation(name)
    Path("Noise/Working").mkdir(parents=True)
    np.savez("Noise/Working/000001.npz", facts=bombs, mean=bombs)
    for look in ("facts", "count", "part"):
        with pytest.raises(IceblockError, match="damaged"):
            getattr(BankWriter(Path("Noise"), 16, [OpticsGroup(4.0)]), look)(0)
    assert not Path("exploded").exists()


def test_a_link_in_the_way_of_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / ".new.partial").symlink_to(tmp_path / "precious")
    with replacing(tmp_path / "new") as file:
        file.write(b"other")
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "new").read_text() == "other"
