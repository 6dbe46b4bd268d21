"""Stacks and STAR files that the tests of the commands make."""

from pathlib import Path

import mrcfile
import numpy as np


def write_stack(path: Path, n: int, box: int, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(seed).standard_normal((n, box, box)).astype(np.float32)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(images)


def star_text(names: list[str], box: int = 32, pixel_size: float = 4.0) -> str:
    rows = "\n".join(f"{name} 1 {k}.50 'a b' 1.5e-08" for k, name in enumerate(names))
    return (
        "\n# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnImagePixelSize #2\n"
        f"_rlnImageSize #3\n1 {pixel_size} {box}\n\n\n# version 30001\n\ndata_particles\n\nloop_\n"
        "_rlnImageName #1\n_rlnOpticsGroup #2\n_rlnDefocusU #3\n_rlnGroupName #4\n_rlnB #5\n"
        f"{rows}\n"
    )
