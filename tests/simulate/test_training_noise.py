"""Noise banks on their way into training: pixel size, held-out micrographs, how much there is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.noise.source import BlockNoise, MixedNoise, SpectrumNoise
from core.signal.spectrum import ice_like_power, noise_with_power, radial_power
from core.simulate.training_noise import (
    hold_out,
    noise_of,
    pixel_size_of,
    read_blocks,
    resample_noise,
    too_small,
)

from ..training_project import write_noise
from .shapes import write_stack

CPU = torch.device("cpu")


def ice(box: int, n: int = 200) -> torch.Tensor:
    power = ice_like_power().expand(n, -1)
    return noise_with_power(power, box, torch.Generator().manual_seed(0))


@settings(deadline=None, max_examples=12)
@given(box=st.integers(24, 80))
def test_resampled_noise_has_power_everywhere(box: int) -> None:
    blocks = ice(48, 60)
    made = resample_noise(blocks, box)
    assert made.shape == (60, box, box)
    power = radial_power(made, 17).mean(0)
    assert power.min() > 0.3 * power[-4:].mean()


def test_a_finer_grid_continues_the_spectrum() -> None:
    blocks = ice(48)
    power = radial_power(resample_noise(blocks, 72), 37).mean(0) * (48 / 72) ** 2
    given = radial_power(blocks, 25).mean(0)
    torch.testing.assert_close(power[2:23], given[2:23], rtol=0.1, atol=0)  # the same waves in Å
    level = float(given[-4:].mean())
    assert power[27:].tolist() == pytest.approx([level] * 10, rel=0.15)
    assert torch.equal(resample_noise(blocks, 72), resample_noise(blocks, 72))


def test_a_bank_at_its_own_pixel_size_is_left_alone(tmp_path: Path) -> None:
    bank = write_noise(tmp_path / "bank", micrographs=2, each=5)
    found = read_blocks(bank, 6.0)
    assert found.blocks.shape == (10, 40, 40)
    assert float(found.blocks.square().mean().sqrt()) == pytest.approx(1.0, abs=0.01)
    assert found.remarks == ()
    assert sorted(set(found.micrographs)) == ["Micrographs/mic00.mrc", "Micrographs/mic01.mrc"]
    assert pixel_size_of(bank) == pixel_size_of(bank / "blocks.star") == 6.0


@pytest.mark.parametrize(
    ("wanted", "box", "says"),
    [(12.0, 20, "20 pixels of 12 Å"), (4.0, 60, "beyond 12 Å.*continued")],
)
def test_another_pixel_size_is_resampled_and_said(
    tmp_path: Path, wanted: float, box: int, says: str
) -> None:
    import re

    bank = write_noise(tmp_path / "bank")
    found = read_blocks(bank, wanted)
    assert found.blocks.shape[-1] == box
    assert float(found.blocks.square().mean().sqrt()) == pytest.approx(1.0, abs=0.01)
    (remark,) = found.remarks
    assert re.search(says, remark)
    assert str(bank) in remark
    assert found.pixels == pytest.approx(len(found.blocks) * box**2, rel=0.02)


def test_a_plain_stack_has_the_pixel_size_of_its_header_if_any(tmp_path: Path) -> None:
    blocks = np.random.default_rng(0).standard_normal((6, 32, 32)).astype(np.float32)
    for size, known, box in ((8.0, 8.0, 64), (1.0, None, 32)):
        path = write_stack(tmp_path / f"a{size}.mrcs", blocks, size)
        assert pixel_size_of(path) == known
        assert read_blocks(path, 4.0).blocks.shape == (6, box, box)


def test_blocks_that_are_no_noise_are_named(tmp_path: Path) -> None:
    blocks = np.random.default_rng(0).standard_normal((3, 32, 32)).astype(np.float32)
    blocks[1] = 2.0
    path = write_stack(tmp_path / "a.mrcs", blocks, 4.0)
    with pytest.raises(IceblockError, match=r"a\.mrcs holds noise blocks that are constant"):
        read_blocks(path, 4.0)


@pytest.mark.parametrize(("micrographs", "held"), [(2, 1), (5, 1), (11, 2)])
def test_whole_micrographs_are_held_out(tmp_path: Path, micrographs: int, held: int) -> None:
    rest, apart, remark = hold_out(read_blocks(write_noise(tmp_path / "b", micrographs, 3), 6.0))
    assert remark is None
    assert len(set(apart.micrographs)) == held
    assert not set(apart.micrographs) & set(rest.micrographs)
    assert len(rest.blocks) + len(apart.blocks) == 3 * micrographs
    assert "mic" in apart.names()


def test_a_single_micrograph_is_split_and_said(tmp_path: Path) -> None:
    rest, apart, remark = hold_out(read_blocks(write_noise(tmp_path / "b", 1, 20), 6.0))
    assert (len(rest.blocks), len(apart.blocks)) == (18, 2)
    assert "one micrograph" in str(remark)
    one = read_blocks(write_noise(tmp_path / "c", 1, 1), 6.0)
    rest, apart, remark = hold_out(one)
    assert len(rest.blocks) == len(apart.blocks) == 1
    assert "single block" in str(remark)


def test_small_blocks_give_their_spectra(tmp_path: Path) -> None:
    large = read_blocks(write_noise(tmp_path / "l", box=48), 6.0)
    small = read_blocks(write_noise(tmp_path / "s", box=24), 6.0)
    noise, remarks = noise_of([large], [40], CPU)
    assert isinstance(noise, BlockNoise)
    assert remarks == []
    noise, remarks = noise_of([small], [40], CPU)
    assert isinstance(noise, SpectrumNoise)
    assert noise.power.shape[0] == 3
    assert "24 pixels" in remarks[0]
    mixed, remarks = noise_of([large, small], [40], CPU)
    assert isinstance(mixed, MixedNoise)
    drawn = mixed.draw(8, 40, torch.Generator().manual_seed(0))
    assert drawn.shape == (8, 40, 40)


def test_little_noise_is_told_with_the_number_needed(tmp_path: Path) -> None:
    few = read_blocks(write_noise(tmp_path / "few"), 6.0)
    assert "24 blocks" in str(too_small([few], 40))
    assert "400" in str(too_small([few], 40))
    many = read_blocks(write_noise(tmp_path / "many", 3, 140), 6.0)
    assert too_small([many], 40) is None
    assert too_small([many], 80) is not None


def test_overlapping_blocks_count_once(tmp_path: Path) -> None:
    apart = read_blocks(write_noise(tmp_path / "a", 2, 16), 6.0)
    close = read_blocks(write_noise(tmp_path / "c", 2, 16, spacing=10.0), 6.0)
    assert apart.pixels == pytest.approx(32 * 40**2, rel=0.02)
    assert close.pixels == pytest.approx(2 * 40 * (15 * 10 + 40), rel=0.02)
