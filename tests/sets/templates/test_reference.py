"""Views of a reference: evenly spread, symmetric ones once, class averages at any pixel size."""

import pytest
import torch

from core.errors import IceblockError
from core.sets.classes.polar import EDGE, polar_grid
from core.sets.templates.reference import averages, directions, distinct, projections
from core.signal.fourier import fourier_resize
from core.simulate.phantoms import phantom
from core.simulate.volume import Volume

BOX, PIXEL_SIZE = 40, 4.0
GRID = polar_grid(BOX, 12 + EDGE)


def test_the_directions_are_even_and_turns() -> None:
    matrices = directions(400)
    seen = matrices[:, :, 2]
    assert torch.allclose(seen.mean(0), torch.zeros(3), atol=0.01)
    assert torch.allclose(seen.T @ seen / 400, torch.eye(3) / 3, atol=0.01)
    assert torch.allclose(matrices @ matrices.mT, torch.eye(3).expand(400, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(matrices), torch.ones(400), atol=1e-5)


def test_what_is_symmetric_has_fewer_views() -> None:
    """A rod seen from everywhere looks the same but for its tilt; views that turn into it go."""
    line = torch.arange(BOX) - BOX // 2
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    rod = torch.exp(-(x.square() + y.square()) / 8.0 - z.square() / 60.0)
    lump = rod + 0.8 * torch.exp(-((x - 6).square() + (y - 3).square() + (z - 4).square()) / 8.0)
    weight = torch.full((GRID.rings,), 1e-5)
    kept = {}
    for name, data in (("rod", rod), ("lump", lump)):
        views = projections(Volume(data.numpy(), PIXEL_SIZE, name), GRID, 200)
        rows, shares = distinct(
            views, weight, 0.02 * float((views.square().sum(-1) @ weight).max())
        )
        assert float(shares.sum()) == pytest.approx(1)
        assert bool((rows.diff() > 0).all())
        kept[name] = len(rows)
    assert kept["rod"] < 0.3 * kept["lump"]


def test_turned_copies_are_one() -> None:
    views = projections(phantom(3, PIXEL_SIZE, (70.0, 75.0), 12.0), GRID, 6)
    turned = torch.cat([views, views.roll(10 * GRID.turns // 64, -1)])
    rows, shares = distinct(turned, torch.ones(GRID.rings), 1e-3 * float(views.square().sum()))
    assert rows.tolist() == list(range(6))
    assert shares.tolist() == pytest.approx([1 / 6] * 6)


def test_class_averages_at_another_pixel_size_and_box() -> None:
    volume = phantom(3, PIXEL_SIZE, (70.0, 75.0), 16.0)
    views = projections(volume, GRID, 4)
    images = GRID.images(views)
    fine = averages(fourier_resize(images, 2 * BOX), PIXEL_SIZE / 2, GRID, PIXEL_SIZE)
    same = averages(images, PIXEL_SIZE, GRID, PIXEL_SIZE)
    small = averages(images[:, 4:-4, 4:-4], PIXEL_SIZE, GRID, PIXEL_SIZE)
    for other in (fine, small):  # of which the background differs a little
        assert float((other - same).norm() / same.norm()) < 0.08


@pytest.mark.parametrize("width", [1, BOX + 2])
def test_a_reference_of_another_size_is_refused(width: int) -> None:
    edge = BOX + 8
    data = torch.zeros(edge, edge, edge)
    data[edge // 2, edge // 2, (edge - width) // 2 : (edge + width) // 2] = 1
    with pytest.raises(IceblockError, match="check the pixel size in its header"):
        projections(Volume(data.numpy(), PIXEL_SIZE, "odd"), GRID)
