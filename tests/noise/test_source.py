"""Sources give noise of sd about 1, of any box that they can, and the same from the same state."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.noise.source import (
    BlockNoise,
    MixedNoise,
    NoiseSource,
    SpectrumNoise,
    random_symmetry,
)
from core.signal.spectrum import ice_like_power, radial_power


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blocks(n: int = 20, box: int = 48, seed: int = 9) -> torch.Tensor:
    return torch.randn(n, box, box, generator=seeded(seed))


def sources() -> dict[str, NoiseSource]:
    made: dict[str, NoiseSource] = {
        "blocks": BlockNoise(blocks()),
        "spectrum": SpectrumNoise(ice_like_power()),
    }
    made["mixed"] = MixedNoise(list(made.values()), [1.0, 2.0])
    return made


KINDS = sorted(sources())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("box", [16, 33, 48])
def test_shape_and_spread(kind: str, box: int) -> None:
    noise = sources()[kind].draw(40, box, seeded())
    assert noise.shape == (40, box, box)
    assert noise.dtype == torch.float32
    assert torch.isfinite(noise).all()
    assert noise.square().mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_state_gives_the_same_noise_and_the_next_other(kind: str) -> None:
    source = sources()[kind]
    random = seeded(3)
    one, following = source.draw(8, 24, random), source.draw(8, 24, random)
    assert torch.equal(one, source.draw(8, 24, seeded(3)))
    assert not torch.equal(one, following)
    assert all(not torch.equal(a, b) for k, a in enumerate(one) for b in one[:k])


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_leaves_the_source_as_it_was(kind: str) -> None:
    source = sources()[kind]
    source.draw(4, 24, seeded(1)).mul_(0)
    assert torch.equal(source.draw(4, 24, seeded(2)), sources()[kind].draw(4, 24, seeded(2)))


@settings(deadline=None)
@given(n=st.integers(1, 12), box=st.integers(1, 9), seed=st.integers(0, 999))
def test_symmetries_are_bijections(n: int, box: int, seed: int) -> None:
    images = torch.arange(n * box * box, dtype=torch.float32).reshape(n, box, box)
    turned = random_symmetry(images, seeded(seed))
    assert turned.shape == images.shape
    for image, other in zip(images.numpy(), turned.numpy(), strict=True):
        eight = [np.rot90(m, k) for m in (image, image.T) for k in range(4)]
        assert any(np.array_equal(other, copy) for copy in eight)


def test_all_eight_symmetries_are_about_equally_frequent() -> None:
    images = torch.arange(9.0).reshape(1, 3, 3).expand(1600, -1, -1)
    _, counts = torch.unique(random_symmetry(images, seeded()), dim=0, return_counts=True)
    assert len(counts) == 8
    assert (counts > 140).all()


def test_blocks_are_cropped_from_blocks() -> None:
    """Half of the draws are one crop, found again in its block; the others mix two."""
    bank = blocks(3, 12)
    drawn = BlockNoise(bank).draw(60, 10, seeded())
    crops = {
        np.rot90(m, k).astype(np.float32).tobytes()
        for block in bank.numpy()
        for y in range(3)
        for x in range(3)
        for m in (block[y : y + 10, x : x + 10], block[y : y + 10, x : x + 10].T)
        for k in range(4)
    }
    found = sum(np.ascontiguousarray(image).tobytes() in crops for image in drawn.numpy())
    assert 18 <= found <= 42


def test_mixing_keeps_the_spectrum_of_the_blocks() -> None:
    coloured = SpectrumNoise(ice_like_power(), variation=0.0).draw(60, 32, seeded())
    drawn = BlockNoise(coloured).draw(200, 32, seeded(1))
    got, asked = (radial_power(images).mean(dim=0)[1:] for images in (drawn, coloured))
    np.testing.assert_allclose(got, asked, rtol=0.3)


def test_spectra_vary_as_much_as_asked() -> None:
    power = ice_like_power()
    spreads = []
    for variation in (0.0, 0.3, 0.8):
        noise = SpectrumNoise(power, variation).draw(150, 32, seeded())
        rings = radial_power(noise)[:, 10:14].mean(dim=1)
        spreads.append(float(rings.log().std()))
        torch.testing.assert_close(noise.std(dim=(1, 2), correction=0), torch.ones(150))
    assert spreads[0] < spreads[1] < spreads[2]


def test_every_spectrum_is_used() -> None:
    low, high = torch.zeros(2, 17)
    low[1:5], high[12:] = 1, 1
    noise = SpectrumNoise(torch.stack([low, high]), variation=0.0).draw(40, 32, seeded())
    power = radial_power(noise)
    is_low = power[:, 1:5].mean(dim=1) > power[:, 12:].mean(dim=1)
    assert 8 < int(is_low.sum()) < 32


class Constant:
    """Gives one value."""

    def __init__(self, value: float) -> None:
        self.value = value

    def draw(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        return torch.full((n, box, box), float(self.value))


def test_sources_are_mixed_by_weight() -> None:
    mixed = MixedNoise([Constant(1), Constant(2), Constant(3)], [1.0, 3.0, 0.0])
    values = mixed.draw(400, 8, seeded())[:, 0, 0]
    assert set(values.tolist()) == {1, 2}
    assert int((values == 2).sum()) == pytest.approx(300, abs=40)


def test_a_box_larger_than_the_blocks() -> None:
    """Such blocks are not used where something else is there, and named where nothing is."""
    small, large = BlockNoise(blocks(box=24)), BlockNoise(blocks(box=40) + 100)
    assert (small.largest_box, large.largest_box) == (24, 40)
    mixed = MixedNoise([small, large], [5.0, 1.0])
    assert int((mixed.draw(60, 24, seeded()).mean(dim=(1, 2)) < 50).sum()) > 30
    assert (mixed.draw(20, 30, seeded()).abs().mean(dim=(1, 2)) > 5).all()
    with pytest.raises(IceblockError, match="have 40 pixels and a box of 41 is wanted"):
        mixed.draw(2, 41, seeded())
    with pytest.raises(IceblockError, match="have 24 pixels and a box of 25 is wanted"):
        small.draw(2, 25, seeded())
    assert small.draw(2, 24, seeded()).shape == (2, 24, 24)
