"""One class and one line make a new format of particles, which is denoised and put back."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import ClassVar, Self

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest

from core.images import particles
from core.images.image_set import Found
from core.images.particle_set import ParticleSet
from core.images.star.image_names import parse_image_names

from .small_project import star_text, write_stack

Run = Callable[..., int]
NAMES = [f"{row:06d}@S/{stack}.mrcs" for row, stack in [(3, "a"), (1, "b"), (1, "a"), (4, "b")]]


@dataclass(frozen=True, eq=False, kw_only=True)
class CsvParticles(ParticleSet):
    """Names of images, pixel sizes and names of raw images, a particle a line."""

    endings: ClassVar[tuple[str, ...]] = (".csv",)
    stack_suffix: ClassVar[str] = ".mrcs"
    box_field: ClassVar[str] = "no box"
    names_raw_images: ClassVar[bool] = True
    way_back: ClassVar[str] = "The third column names the raw images."
    raw_todo: ClassVar[str] = "put it back"

    sizes: list[str]
    raw: list[str]

    @classmethod
    def read(
        cls,
        path: Path,
        pixel_size: float | None = None,
        project_dir: Path | None = None,
        passthrough: Sequence[Path] = (),
        datadir: Path | None = None,
    ) -> Self:
        with path.open(newline="") as file:
            names, sizes, raw = map(list, zip(*csv.reader(file), strict=True))
        return cls(
            source=path, images=parse_image_names(names, path, "the table"), sizes=sizes, raw=raw,
            optics_groups=np.zeros(len(names), np.int32), optics_names=("all",),
            boxes=np.zeros(len(names), np.int64), given_pixel_size=pixel_size,
        )  # fmt: skip

    def _find_pixel_sizes(self) -> npt.NDArray[np.float64]:
        return np.array(self.sizes, dtype=np.float64)

    def with_images(self, names: list[str], again: Sequence[bool] | None = None) -> Self:
        images = parse_image_names(names, self.source, "the new images")
        return replace(self, images=images, raw=self.names, found=replace(self.found))

    def restored(self) -> Self:
        images = parse_image_names(self.raw, self.source, "the raw images")
        return replace(self, images=images, raw=[""] * self.n, found=Found())

    def write(self, path: Path, rows: npt.NDArray[np.bool_] | None = None) -> None:
        self.refuse_as_output(path)
        lines = zip(self.names, self.sizes, self.raw, strict=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(lines if rows is None else compress(lines, rows))


def test_a_new_format_is_denoised_as_a_star_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iceblock: Run, model: Path
) -> None:
    monkeypatch.setattr(particles, "FORMATS", [*particles.FORMATS, CsvParticles])
    monkeypatch.chdir(tmp_path)
    write_stack(Path("S/a.mrcs"), 5, 32)
    write_stack(Path("S/b.mrcs"), 5, 32, seed=1)
    Path("raw.star").write_text(star_text(NAMES))
    Path("raw.csv").write_text("".join(f"{name},4.0,\r\n" for name in NAMES))
    common = ("--model", model, "-q", "--each-alone", "--out")
    assert iceblock("denoise", "raw.star", *common, "Star") == 0
    assert iceblock("denoise", "raw.csv", *common, "Csv") == 0
    for name in ("a.mrcs", "b.mrcs"):
        one, other = (mrcfile.read(f"{out}/Particles/{name}") for out in ("Star", "Csv"))
        np.testing.assert_array_equal(one, other)
    made = particles.read_particles(Path("Csv/particles.csv"))
    star = particles.read_particles(Path("Star/particles.star"))
    assert [name.replace("Csv/", "Star/") for name in made.names] == star.names
    assert iceblock("restore", "Csv/particles.csv", "--out", "back.csv") == 0
    assert Path("back.csv").read_bytes() == Path("raw.csv").read_bytes()
