import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import load_model, read_description, save_model
from core.denoise.shipped import DEFAULT, MICROGRAPHS, WITHOUT_CTF, find_model, shipped_models
from core.errors import IceblockError
from core.noise.source import SpectrumNoise
from core.noise.statistics import noise_statistics
from core.signal.spectrum import ice_like_power

from .tiny_network import CARD, TINY


def test_round_trip_keeps_weights_and_card(tmp_path: Path) -> None:
    net = Generator(TINY)
    save_model(tmp_path / "a.safetensors", net, CARD)
    model = load_model(tmp_path / "a.safetensors")
    assert model.card == CARD
    assert model.generator.config == TINY
    for name, value in net.state_dict().items():
        assert torch.equal(model.generator.state_dict()[name], value)


def test_the_statistics_of_the_noise_come_back(tmp_path: Path) -> None:
    statistics = noise_statistics(SpectrumNoise(ice_like_power()), 16, 5.0)
    card = replace(CARD, noise_statistics=statistics)
    save_model(tmp_path / "a.safetensors", Generator(TINY), card)
    assert load_model(tmp_path / "a.safetensors").card == card


def test_a_file_without_statistics_of_the_noise_is_read(tiny_file: Path) -> None:
    card = read_description(tiny_file)["card"]
    del card["noise_statistics"]
    rewrite(tiny_file, card=card)
    assert load_model(tiny_file).card.noise_statistics == {}


def test_half_the_space_keeps_three_digits(tmp_path: Path) -> None:
    net = Generator(TINY)
    save_model(tmp_path / "half", net, CARD, half=True)
    save_model(tmp_path / "whole", net, CARD)
    model = load_model(tmp_path / "half")
    for name, value in net.state_dict().items():
        assert model.generator.state_dict()[name].dtype == torch.float32
        torch.testing.assert_close(model.generator.state_dict()[name], value, rtol=1e-3, atol=1e-6)


def test_same_weights_make_the_same_bytes(tmp_path: Path) -> None:
    net = Generator(TINY)
    for name in "ab":
        save_model(tmp_path / name, net, CARD)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


def test_pickles_are_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.safetensors").write_bytes(pickle.dumps(Bomb()))
    torch.save({"weights": torch.zeros(3)}, "torch.pt")
    for name in ("plain.safetensors", "torch.pt"):
        with pytest.raises(IceblockError, match="pickle"):
            load_model(Path(name))
    assert not Path("exploded").exists()


@pytest.mark.parametrize(("mark", "period"), [(0x80, 1 << 8), (0x4B50, 1 << 16)])
def test_a_header_as_long_as_a_pickles_mark_is_no_pickle(
    tiny_file: Path, mark: int, period: int
) -> None:
    """A safetensors file begins with the length of its header, which may read 0x80 or `PK`."""
    data = tiny_file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    padding = (mark - length) % period
    header = data[8 : 8 + length] + b" " * padding
    tiny_file.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    assert tiny_file.read_bytes()[:2] in (b"PK", b"\x80" + tiny_file.read_bytes()[1:2])
    assert load_model(tiny_file).card == CARD


@pytest.mark.parametrize("data", [b"", b"garbage" * 100, b"\xff" * 64])
def test_garbage_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "garbage.safetensors"
    path.write_bytes(data)
    with pytest.raises(IceblockError, match=r"garbage\.safetensors"):
        load_model(path)


def test_foreign_safetensors_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(IceblockError, match="not written by iceblock"):
        load_model(tmp_path / "foreign.safetensors")


def rewrite(path: Path, **changes: object) -> None:
    description = {**read_description(path), **changes}
    save_file(load_file(path), path, metadata={"iceblock": json.dumps(description)})


def test_another_version_is_refused(tiny_file: Path) -> None:
    rewrite(tiny_file, format=99)
    with pytest.raises(IceblockError, match="format 99"):
        load_model(tiny_file)


@pytest.mark.parametrize("changes", [{"card": 3}, {"config": []}, {"card": {"name": "x"}}])
def test_a_wrong_description_is_refused(tiny_file: Path, changes: dict[str, object]) -> None:
    rewrite(tiny_file, **changes)
    for read in (load_model, read_description):
        with pytest.raises(IceblockError, match="describes itself wrongly"):
            read(tiny_file)


def test_weights_that_do_not_fit_are_refused(tiny_file: Path) -> None:
    other = GeneratorConfig(widths=(6, 8), strides=(1, 2))
    rewrite(tiny_file, config=other.__dict__)
    with pytest.raises(IceblockError, match="contradicts itself"):
        load_model(tiny_file)


def test_missing_and_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(IceblockError, match="neither a file nor"):
        find_model("no-such-model")
    with pytest.raises(IceblockError, match="does not exist"):
        load_model(tmp_path / "no.safetensors")


def test_shipped_models_load_and_say_how_they_were_scored() -> None:
    assert {DEFAULT, WITHOUT_CTF, MICROGRAPHS} <= set(shipped_models())
    for name, path in shipped_models().items():
        assert path.stat().st_size < 12e6
        card = load_model(path).card
        assert card.name == name
        assert card.scores["held_out"]
        assert np.mean(card.noise_statistics["mean"]) == pytest.approx(1, abs=1e-3)
        rows = {name.rpartition(": ")[2] for name in card.scores}
        assert {"raw", "zero", "this model"} <= rows
