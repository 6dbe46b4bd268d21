"""What a set tells of each of its results without the truth agrees with the truth."""

import pytest
import torch

from core.sets.stacking.confidence import Confidence, confidence, confidence_from, witness
from core.sets.stacking.region import Region, circle
from core.sets.stacking.stein import EPSILON

N, BOX, RADIUS = 1200, 24, 7.0
EMPTY = N // 5


@pytest.fixture(scope="module")
def seen() -> dict[str, torch.Tensor]:
    """Blobs of several strengths in white noise, a fifth of the images empty."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(*[torch.arange(BOX) - BOX // 2.0] * 2, indexing="ij")
    blob = torch.exp(-(y.square() + 2 * x.square()) / 16)
    clean = (0.6 + 0.8 * torch.rand(N, 1, 1, generator=generator)) * blob
    clean[:EMPTY] = 0
    noise, probes = torch.randn(2, N, BOX, BOX, generator=generator)
    return {"clean": clean, "noisy": clean + noise, "probes": probes, "blob": blob}


def denoised(images: torch.Tensor, blob: torch.Tensor) -> torch.Tensor:
    """Find the blob's strength in each image; not linear, as what is weak is left out."""
    found = (images * blob).sum((1, 2), keepdim=True) / blob.square().sum()
    kept = found.abs().pow(3) / (found.abs().pow(3) + 0.2)
    return found * kept * blob + 0.1 * images * (blob > 0.3)


def told(seen: dict[str, torch.Tensor], region: Region) -> Confidence:
    noisy, probes, blob = seen["noisy"], seen["probes"], seen["blob"]
    results = denoised(noisy, blob), denoised(noisy + EPSILON * probes, blob)
    half = slice(0, None, 2)
    both = results[0][half], results[1][half]
    energy = float(region.inside(seen["clean"]).square().sum((1, 2)).mean())
    found = confidence([witness(noisy[half], probes[half], both, region)], RADIUS, energy)
    assert found is not None
    return found


def test_it_is_the_correlation_with_the_truth(seen: dict[str, torch.Tensor]) -> None:
    region = circle(BOX, RADIUS)
    made = denoised(seen["noisy"], seen["blob"])
    one, other = region.inside(made), region.inside(seen["clean"])
    length = (one.square().sum((1, 2)) * other.square().sum((1, 2))).sqrt().clamp(min=1e-9)
    true = (one * other).sum((1, 2)) / length
    trust = told(seen, region).of(made)
    others = torch.arange(1, N, 2)
    for rows in torch.chunk(others[trust[others].argsort()], 4)[1:]:
        assert abs(float(trust[rows].mean() - true[rows].mean())) < 0.08
    assert float(trust[:EMPTY].mean()) < float(trust[EMPTY:].mean()) - 0.2


def test_stronger_results_have_more_of_it(seen: dict[str, torch.Tensor]) -> None:
    strengths = torch.logspace(-4, 1, 40)[:, None, None]
    found = told(seen, circle(BOX, RADIUS)).of(strengths * seen["blob"])
    assert bool((found.diff() >= 0).all())
    assert float(found[0]) < 0.01
    assert float(found[-1]) <= 1


def test_it_does_not_depend_on_other_images(seen: dict[str, torch.Tensor]) -> None:
    made, known = denoised(seen["noisy"][:9], seen["blob"]), told(seen, circle(BOX, RADIUS))
    assert torch.equal(known.of(made), torch.cat([known.of(made[:4]), known.of(made[4:])]))


def test_noise_alone_tells_nothing() -> None:
    generator = torch.Generator().manual_seed(1)
    noise, probes = torch.randn(2, 200, BOX, BOX, generator=generator)
    found = witness(2**-0.5 * noise, probes, (noise, noise + EPSILON * probes), circle(BOX, RADIUS))
    assert confidence([found], RADIUS, -1.0) is None


def test_numbers_are_read_as_they_were(seen: dict[str, torch.Tensor]) -> None:
    table = told(seen, circle(BOX, RADIUS)).table()
    assert torch.equal(confidence_from(RADIUS, table).table(), table)
    for wrong in (table.flip(1), table + 2, table * float("nan")):
        with pytest.raises(ValueError, match="out of range"):
            confidence_from(RADIUS, wrong)
