"""A gallery of all particles for a web browser: one page, and pictures that it loads as needed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...figures.gallery import low_passed
from ...figures.montage import common_range
from ...images.disk import partial_path, write_file, writing
from ...images.star.tokens import quote, unquote
from .choice import Choice
from .inputs import Work
from .options import GALLERY, TILES, SelectOptions
from .pictures import read_places
from .scoring import Scored

Images = npt.NDArray[np.float32]

TEMPLATE = Path(__file__).with_name("gallery_page.html")
TILE = 96
"""Pixels of a tile's side at most."""
COLUMNS = ROWS = 12
"""Tiles of a picture."""
RAW_SPREAD = 4.0
KINDS = ("smooth", "raw")


def write_gallery(
    options: SelectOptions,
    work: Work,
    scored: Scored,
    choice: Choice,
    signs: Sequence[int],
    heartbeat: Callable[[], None] = lambda: None,
) -> None:
    """Write the page and the pictures of its tiles.

    Parameters
    ----------
    options, work, scored, choice
        Of the run.
    signs
        1 or -1 for each job of the plan.
    heartbeat
        Called after every picture.
    """
    tile = min(TILE, min(job.stack.box_x for job in work.plan.jobs))
    count = len(scored.score)
    folder = options.out / TILES
    unfinished = partial_path(folder)
    shutil.rmtree(unfinished, ignore_errors=True)
    with writing(folder):
        unfinished.mkdir(parents=True)
        grey = _grey_range(work, signs, count)
        each = COLUMNS * ROWS
        for number, start in enumerate(range(0, count, each)):
            places = np.arange(start, min(start + each, count))
            for kind, sheet in _sheets(work, signs, places, tile, grey).items():
                picture = Image.fromarray(sheet)
                picture.save(unfinished / f"{kind}_{number:05d}.jpg", quality=82)
            heartbeat()
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    page = TEMPLATE.read_text(encoding="utf-8").replace(
        "/*DATA*/null", as_script(_data(options, work, scored, choice, tile))
    )
    write_file(options.out / GALLERY, page)


def _data(
    options: SelectOptions, work: Work, scored: Scored, choice: Choice, tile: int
) -> dict[str, object]:
    """Give what the page knows of the particles; images are counted as the tiles are."""
    particles, place = work.particles, work.place_of_row
    names = [unquote(name) for name in particles.names]
    classes = particles.classes
    if classes is None and scored.classes is not None:
        classes = scored.classes[place]
    known, of_row = np.unique(particles.micrographs or [""] * particles.n, return_inverse=True)
    return {
        "title": str(options.particles),
        "key": hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:16],
        "names": names,
        "tokens": [quote(name) for name in names],
        "image": place.tolist(),
        "score": [round(value, 4) for value in scored.score[place].tolist()],
        "class": None if classes is None else classes.tolist(),
        "kept": choice.kept.astype(int).tolist(),
        "border": choice.border,
        "micrographs": known.tolist(),
        "micrograph": of_row.tolist(),
        "tile": tile, "columns": COLUMNS, "rows": ROWS, "folder": TILES, "kinds": KINDS,
    }  # fmt: skip


def as_script(data: dict[str, object]) -> str:
    """Give JSON that can stand inside a script of a page."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _grey_range(work: Work, signs: Sequence[int], count: int) -> tuple[float, float]:
    """Give one grey range for all smooth tiles, told from some images of the first box."""
    first = work.plan.jobs[0]
    places = np.unique(np.linspace(0, len(first.indices) - 1, 64).astype(np.int64))
    low, high = common_range(
        low_passed(read_places(work.plan, signs, places[places < count]), first.pixel_size)
    )
    reach = max(-low, high)
    return -reach, reach


def _sheets(
    work: Work,
    signs: Sequence[int],
    places: npt.NDArray[np.int64],
    tile: int,
    grey: tuple[float, float],
) -> dict[str, npt.NDArray[np.uint8]]:
    """Make the pictures of some images, of each kind one."""
    first = np.cumsum([0, *(len(job.indices) for job in work.plan.jobs)])
    jobs = np.searchsorted(first, places, side="right") - 1
    sheets = {kind: np.zeros((ROWS * tile, COLUMNS * tile), np.uint8) for kind in KINDS}
    for one in np.unique(jobs).tolist():
        mine = np.flatnonzero(jobs == one)
        raw = read_places(work.plan, signs, places[mine])
        smooth = low_passed(raw, work.plan.jobs[one].pixel_size)
        ranges = {"raw": (raw, (-RAW_SPREAD, RAW_SPREAD)), "smooth": (smooth, grey)}
        for kind, (images, (low, high)) in ranges.items():
            shades = np.clip((images - low) / (high - low) * 255, 0, 255).astype(np.uint8)
            for place, shade in zip(mine.tolist(), shades, strict=True):
                picture = Image.fromarray(shade)
                if picture.width != tile:
                    picture = picture.resize((tile, tile), Image.Resampling.BOX)
                row, column = divmod(place, COLUMNS)
                sheets[kind][row * tile : (row + 1) * tile, column * tile : (column + 1) * tile] = (
                    np.asarray(picture)
                )
    return sheets
