"""Small micrographs, pictures and tables of them that the tests make."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from .stacks import write_raw

Array = npt.NDArray[np.generic]

NEW_OPTICS = "_rlnOpticsGroup _rlnOpticsGroupName _rlnMicrographPixelSize"


def ice(shape: tuple[int, int] = (96, 128), seed: int = 0, levels: float = 6.0) -> Array:
    """White noise of mean 100 and sd `levels`, in float32."""
    rng = np.random.default_rng(seed)
    return (100 + levels * rng.standard_normal(shape)).astype(np.float32)


def write_mrc(path: Path, pixels: Array, pixel_size: float = 2.0, order: str = "<") -> Path:
    write_raw(path, pixels[None], order=order, pixel_size=pixel_size)
    return path


def micrographs_star(
    names: list[str],
    optics: str = "1 og1 1.5",
    optics_tags: str = NEW_OPTICS,
    groups: list[int] | None = None,
) -> str:
    """A micrographs STAR of RELION 3.1 with one optics row for each line of `optics`."""
    lines = ["# version 30001", "", "data_optics", "", "loop_", *optics_tags.split(), optics, ""]
    lines += ["# version 30001", "", "data_micrographs", "", "loop_"]
    lines += ["_rlnMicrographName #1", "_rlnOpticsGroup #2"]
    lines += [f"{n} {g}" for n, g in zip(names, groups or [1] * len(names), strict=True)]
    return "\n".join(lines) + "\n"


def project(folder: Path, names: list[str], **options: str) -> Path:
    """A project with one micrograph for each name; gives its micrographs STAR."""
    for seed, name in enumerate(names):
        write_mrc(folder / name, ice(seed=seed))
    star = folder / "CtfFind/job003/micrographs_ctf.star"
    star.parent.mkdir(parents=True, exist_ok=True)
    star.write_text(micrographs_star(names, **options))
    return star
