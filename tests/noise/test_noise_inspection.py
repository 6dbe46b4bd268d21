"""Inspection tells Gaussian from other blocks, and the figures can be drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.figures.noise_gallery import (
    block_page,
    picture_page,
    spectrum_page,
    statistics_page,
    table_page,
)
from core.figures.pages import write_pages
from core.noise.bank import NoiseBank, OpticsGroup
from core.noise.bank_table import BankPart, write_bank
from core.noise.inspection import describe, inspect, moments
from core.noise.shading import remove_plane
from core.signal.region_spectrum import region_power
from core.signal.spectrum import ice_like_power, noise_with_power, radial_power

from ..bank_parts import make_bank, part

BOX = 32


def ice(n: int, box: int = BOX, seed: int = 0) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    return noise_with_power(ice_like_power().expand(n, -1), box, generator).numpy()


def bank_of(folder: Path, blocks: np.ndarray, names: list[str]) -> NoiseBank:
    flat = np.stack([remove_plane(block) for block in blocks])
    k = len(flat)
    real = BankPart(names, flat, np.zeros((k, 2)), np.zeros(k), 7 * flat.std(axis=(1, 2)),
                    ["real"] * k, [0] * k)  # fmt: skip
    return write_bank(folder, [real], k, flat.shape[-1], [OpticsGroup(4.0)])


def test_counts_by_micrograph_and_source(tmp_path: Path) -> None:
    parts = [part("a", 3), part("b", 2), part("a", 1)]
    parts.append(BankPart(**{**vars(part("a", 4)), "sources": ["phases"] * 4}))
    parts.append(BankPart(**{**vars(part("synthetic", 5)), "sources": ["model"] * 5}))
    bank = write_bank(tmp_path, parts, 15, 16, [OpticsGroup(4.0)])
    seen = inspect(bank)
    assert seen.sources == {"real": 6, "phases": 4, "model": 5}
    table = seen.micrographs.set_index("micrograph")
    assert table["blocks"].to_dict() == {"a": 8, "b": 2}
    real = np.concatenate([parts[0].sd, parts[2].sd])
    assert table.loc["a", "sd"] == pytest.approx(np.median(real), rel=1e-4)
    assert sorted(seen.sample) == [0, 1, 2, 3, 4, 5]  # the pixels of real blocks alone
    text = describe(seen)
    assert "15 blocks (6 real, 4 phases, 5 model) of 16 px, 4 Å/px, from 2 micrographs" in text


def test_gaussian_blocks_are_like_their_null(tmp_path: Path) -> None:
    seen = inspect(bank_of(tmp_path, ice(300), ["a"] * 150 + ["b"] * 150))
    for name in ("skewness", "kurtosis"):
        real, null = getattr(seen.blocks, name), getattr(seen.null, name)
        assert abs(real.mean() - null.mean()) < 4 * real.std() / np.sqrt(300) + 0.01
    assert seen.outliers < 0.06
    np.testing.assert_allclose(seen.power[3:-1], ice_like_power(17)[0][3:-1], rtol=0.2)
    assert (seen.low <= seen.power).all()
    assert (seen.power <= seen.high).all()


@pytest.mark.parametrize("fault", ["spots", "rectified"])
def test_blocks_with_something_in_them_stand_out(tmp_path: Path, fault: str) -> None:
    blocks = ice(100)
    if fault == "spots":
        blocks[:, 10:14, 12:16] -= 4
    else:
        blocks = np.maximum(blocks, -0.5)
    seen = inspect(bank_of(tmp_path, blocks, ["a"] * 100))
    assert seen.outliers > 0.8


def test_moments_of_known_distributions() -> None:
    rng = np.random.default_rng(0)
    for draw, skewness, kurtosis in (
        (rng.standard_normal, 0, 0), (rng.standard_exponential, 2, 6),
        (lambda size: rng.uniform(size=size), 0, -1.2),
    ):  # fmt: skip
        found = moments(draw(size=(40, 100, 100)).astype(np.float32))
        assert found.skewness.mean() == pytest.approx(skewness, abs=0.05)
        assert found.kurtosis.mean() == pytest.approx(kurtosis, abs=0.3)


def test_a_sample_is_spread_over_the_bank(tmp_path: Path) -> None:
    names = [f"mic{k:03d}" for k in range(60) for _ in range(2)]
    seen = inspect(bank_of(tmp_path, ice(120, 16), names), sample=20)
    assert len(seen.sample) == 20
    assert seen.sample[0] == 0
    assert seen.sample[-1] == 119
    assert seen.micrographs["spread"].notna().sum() >= 19
    text = describe(seen)
    assert "the 40 of 60 micrographs with the fewest blocks" in text
    assert len(text.splitlines()) < 60


def test_the_same_bank_is_seen_the_same(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, (20, 20))
    assert describe(inspect(bank)) == describe(inspect(NoiseBank.read(tmp_path)))


def test_figures(tmp_path: Path) -> None:
    parts = [part("a", 23, 32), BankPart(**{**vars(part("a", 4, 32)), "sources": ["phases"] * 4})]
    bank = write_bank(tmp_path, parts, 27, 32, [OpticsGroup(4.0)])
    seen = inspect(bank)
    picture = np.zeros((40, 60, 3), np.uint8)
    for name in ("one.pdf", "two.pdf"):
        pages = [
            block_page(bank),
            spectrum_page(seen, np.tile(seen.power, (3, 1)) * 1.1),
            statistics_page(seen),
            picture_page([("one", picture)], "Overlays"),
            table_page("Table", describe(seen)),
        ]
        write_pages(tmp_path / name, pages)
    data = (tmp_path / "one.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert data == (tmp_path / "two.pdf").read_bytes()


@pytest.mark.parametrize("box", [32, 33])
def test_the_spectrum_of_a_ragged_region(box: int) -> None:
    """As windows would show it, though next to none of them fits into the region."""
    image = ice(1, 600)[0]
    rng = np.random.default_rng(1)
    region = np.zeros(image.shape, bool)
    for y, x in rng.integers(0, 580, (260, 2)):
        region[y : y + rng.integers(5, 40), x : x + rng.integers(5, 40)] = True
    image = np.where(region, image, 1e3).astype(np.float32)  # never looked at
    windows = ice(400, box * 4, seed=2)[:, box : 2 * box, box : 2 * box].copy()
    wanted = radial_power(torch.from_numpy(windows)).mean(0).numpy()
    got = region_power(image, region, box)
    assert got.shape == (box // 2 + 1,)
    assert np.abs(np.log(got / wanted))[2:].max() < 0.25
    assert np.sqrt(np.mean(np.log(got / wanted)[2:] ** 2)) < 0.1


def test_tiles_see_what_the_whole_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    image = ice(1, 300)[0]
    region = np.ones(image.shape, bool)
    region[100:140, :200] = False
    whole = region_power(image, region, 16)
    monkeypatch.setattr("core.signal.region_spectrum._TILE", 70)
    np.testing.assert_allclose(region_power(image, region, 16)[1:], whole[1:], rtol=0.1)


def test_regions_without_pixels() -> None:
    image = ice(1, 100)[0]
    assert np.isnan(region_power(image, np.zeros(image.shape, bool), 16)).all()
    one = np.zeros(image.shape, bool)
    one[5, 5] = True
    assert np.isfinite(region_power(image, one, 16)).all()
