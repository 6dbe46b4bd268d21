import numpy as np
import pytest

from core.errors import IceblockError
from core.figures.overlay import BLOCK, COLOURS, SIDE, overlay, write_png
from core.images.micrographs.picks import read_picks
from core.images.micrographs.reader import MicrographImage, list_micrographs, read_micrograph
from core.segment.model_file import load_model
from core.segment.network import PARTICLE, POLLUTION
from core.segment.scores import f1_score
from core.segment.segmenter import Segmentation, Segmenter

from .spotted import image_of, spotted


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(load_model())


def test_picks_are_always_particle_and_paint_always_pollution(segmenter):
    pixels, _ = spotted(n=0)
    painted = np.zeros(pixels.shape, bool)
    painted[:60, :60] = True
    picks = np.array([[150.0, 200.0], [20.0, 20.0]])
    made = segmenter.segment(image_of(pixels), 2.0, 48.0, picks, painted)
    sy, sx = made.scale
    assert made.labels[int(150 / sy), int(200 / sx)] == 2
    assert made.labels[int(50 / sy), int(50 / sx)] == 1
    assert made.labels[int(20 / sy), int(20 / sx)] == 2
    np.testing.assert_allclose(made.probabilities.sum(axis=0), 1, atol=1e-5)


def test_what_is_not_valid_is_never_background(segmenter):
    pixels, _ = spotted(n=0)
    valid = np.ones(pixels.shape, bool)
    valid[100:160, 100:180] = False
    made = segmenter.segment(MicrographImage(pixels, valid, ()), 2.0, 48.0)
    sy, sx = made.scale
    assert (made.occupied[int(104 / sy) : int(156 / sy), int(104 / sx) : int(176 / sx)] > 0).all()


def test_labels_turn_with_the_micrograph(segmenter):
    pixels, _ = spotted(shape=(256, 256), seed=4)
    made = segmenter.segment(image_of(pixels), 2.0, 48.0).labels
    mirrored = segmenter.segment(image_of(pixels[::-1].copy()), 2.0, 48.0).labels
    assert (mirrored[::-1] == made).mean() > 0.99


def test_the_same_micrograph_gives_the_same_labels(segmenter):
    pixels, _ = spotted(seed=5)
    one, two = (segmenter.segment(image_of(pixels), 2.0, 48.0) for _ in range(2))
    np.testing.assert_array_equal(one.probabilities, two.probabilities)


def test_there_is_no_seam_and_no_edge_effect_in_pure_noise(segmenter):
    rng = np.random.default_rng(0)
    pixels = rng.standard_normal((900, 1100)).astype(np.float32)
    made = segmenter.segment(image_of(pixels), 1.0, 48.0)
    border = np.ones(made.labels.shape, bool)
    border[8:-8, 8:-8] = False
    assert (made.labels == 0)[border].mean() > 0.94
    assert (made.labels == 0)[~border].mean() > 0.94


def test_a_mask_of_another_size_is_refused(segmenter):
    pixels, _ = spotted(n=0)
    with pytest.raises(IceblockError, match="mask"):
        segmenter.segment(image_of(pixels), 2.0, 48.0, None, np.zeros((5, 5), bool))


def test_doubtful_pixels_are_not_cut_from():
    chances = np.array([[[0.9, 0.6, 0.1]], [[0.05, 0.15, 0.8]], [[0.05, 0.25, 0.1]]], np.float32)
    made = Segmentation(chances, (1, 3))
    assert made.labels.tolist() == [[0, 0, 1]]
    assert made.occupied.tolist() == [[0, 2, 1]]
    assert made.background == pytest.approx(1 / 3)
    assert Segmentation(chances, (1, 3), sure=0.5).occupied.tolist() == [[0, 0, 1]]


def test_particles_that_cannot_be_extracted_are_no_particles_and_no_background():
    from core.segment.border import move_border_particles

    chances = np.zeros((3, 80, 80), np.float32)
    yy, xx = np.mgrid[:80, :80]
    for y, x in ((40, 40), (6, 40), (40, 76)):
        chances[2][np.hypot(yy - y, xx - x) < 8] = 1
    chances[0] = 1 - chances[2]
    moved = move_border_particles(chances)
    np.testing.assert_array_equal(moved[0], chances[0])
    np.testing.assert_allclose(moved.sum(axis=0), 1)
    assert (moved[2] > 0.5).sum() == (np.hypot(yy - 40, xx - 40) < 8).sum()
    assert moved[1, 6, 40] == moved[1, 40, 76] == 1


def test_the_picture_shows_outlines_blocks_and_picks(tmp_path):
    pixels, centres = spotted(shape=(300, 400))
    chances = np.zeros((3, 30, 40), np.float32)
    chances[0] = 1
    chances[:, 10:20, 10:20] = np.array([0, 0, 1], np.float32)[:, None, None]
    made = Segmentation(chances, pixels.shape)
    plain = overlay(pixels, made)
    full = overlay(pixels, made, blocks=np.array([[50.0, 300.0]]), box=40, picks=centres)
    assert plain.shape == full.shape == (300, 400, 3)
    assert plain.dtype == np.uint8
    assert not np.array_equal(plain, full)
    green = (plain[..., 1].astype(int) - plain[..., 0]) > 20
    assert green[100:200, 100:200].mean() > 0.5
    assert green[:80].mean() < 0.01
    write_png(tmp_path / "a.png", full)
    from PIL import Image

    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), full)


def test_a_large_micrograph_gives_a_small_picture():
    chances = np.ones((3, 40, 60), np.float32) / 3
    picture = overlay(np.zeros((2000, 3000), np.float32), Segmentation(chances, (2000, 3000)))
    assert max(picture.shape) <= SIDE


@pytest.mark.parametrize(
    ("project", "diameter", "least"),
    [("empiar10028_80S", 300, 0.7), ("empiar10146_apoferritin", 130, 0.7)],
)
def test_the_shipped_model_finds_real_particles(test_data, segmenter, project, diameter, least):
    folder = test_data / "projects" / project
    found = list_micrographs(folder / "Micrographs" / "micrographs.star")[:1]
    picks = read_picks(folder / "AutoPick" / "job002" / "autopick.star", found)
    made = segmenter.segment(read_micrograph(found[0]), found[0].pixel_size, diameter)
    true = picks.of(found[0].name)
    assert f1_score(made, true, diameter / 2 / found[0].pixel_size) > least


def test_a_big_ice_blob_is_pollution(test_data, segmenter):
    folder = test_data / "micrographs" / "micrograph_cleaner"
    (path,) = folder.glob("*_DW.mrc")
    (mask_path,) = folder.glob("*_mask.mrc")
    from core.segment.masks import fit_mask, read_mask

    image = read_micrograph(list_micrographs(path, 1.0)[0])
    made = segmenter.segment(image, 1.0, 30.0)
    blob = fit_mask(read_mask(mask_path), made.labels.shape)
    assert (made.occupied[blob] > 0).mean() > 0.97
    assert (made.labels[~blob] == 0).mean() > 0.5


def test_noise_is_not_cut_where_particles_and_ice_look_alike():
    sharp = np.zeros((3, 40, 40), np.float32)
    sharp[0] = 0.95
    sharp[2] = 0.05
    sharp[:, 10:30, 10:30] = np.array([0.05, 0, 0.95], np.float32)[:, None, None]
    vague = np.full((3, 40, 40), 0.0, np.float32)
    vague[0], vague[2] = 0.75, 0.25
    assert Segmentation(sharp, (400, 400)).decided
    assert not Segmentation(vague, (400, 400)).decided
    empty = np.full((3, 40, 40), 0.05, np.float32)
    empty[0] = 0.9
    assert Segmentation(empty, (400, 400)).decided


def test_a_crowded_micrograph_of_small_particles_needs_picks(test_data, segmenter):
    folder = test_data / "projects" / "empiar10059_trpv1"
    found = list_micrographs(folder / "Micrographs" / "micrographs.star")[:1]
    picks = read_picks(folder / "AutoPick" / "job002" / "autopick.star", found)
    image = read_micrograph(found[0])
    alone = segmenter.segment(image, found[0].pixel_size, 130)
    assert alone.needs_picks
    assert alone.background == 0
    told = segmenter.segment(image, found[0].pixel_size, 130, picks.of(found[0].name))
    assert not told.needs_picks
    assert told.background > 0.3


def test_the_picture_has_a_legend_and_a_scale_bar_of_the_right_length():
    chances = np.zeros((3, 30, 40), np.float32)
    chances[0] = 1
    made = Segmentation(chances, (3000, 4000))
    pixels = np.zeros((3000, 4000), np.float32)
    plain, scaled = (overlay(pixels, made, pixel_size=size) for size in (None, 1.5))
    names = [COLOURS[PARTICLE], COLOURS[POLLUTION], BLOCK]
    shown = [(plain == np.array(colour)).all(axis=-1).any() for colour in names]
    assert shown == [True, True, False]  # no blocks were cut
    bar = (scaled == 245).all(axis=-1)[:, 700:].sum(axis=1).max()
    assert bar == pytest.approx(1000 / (1.5 * 4000 / SIDE), abs=2)  # 100 nm
