"""The package: all that a machine needs that has Python with torch, and no network."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from training_data import PROJECTS, STRUCTURES, TEST, VALIDATION, bank, structure_file

WHEELS = (
    "gemmi", "mrcfile", "starfile", "torch-ctf", "torch-fourier-slice", "torch-grid-utils",
    "torch-image-interpolation", "einops",
)  # fmt: skip
"""What iceblock needs beside torch, numpy, scipy, pandas, pyarrow, matplotlib, pillow, tifffile,
click, tqdm and safetensors, which machines for machine learning have."""
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
MOST = 60 << 20
"""Bytes of the package and the repository together."""


def pack(data: Path, package: Path, python: str | None, sources: bool) -> dict[str, int]:
    """Make a package.

    Parameters
    ----------
    data
        See training_data.py.
    package
        A new folder, or an older package, whose noise is kept.
    python
        Version of Python on the machine, as in 3.12; None leaves the wheels out.
    sources
        Put this repository's tracked files in, too.

    Returns
    -------
    sizes
        Bytes, by part.
    """
    for name in (*STRUCTURES, VALIDATION, TEST):
        target = structure_file(package, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(structure_file(data, name), target)
    for project, (_, boxes, _) in PROJECTS.items():
        for box in boxes:
            bank(data, package, project, box)
            for extra in (package / "noise" / f"{project}_{box}").iterdir():
                if extra.name not in ("blocks.star", "blocks.mrcs"):
                    shutil.rmtree(extra) if extra.is_dir() else extra.unlink()
    if python:
        _download(package / "wheels", python)
    if sources:
        _archive(package / "iceblock.tar.gz")
    return {
        path.name: sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file())
        for path in sorted(package.iterdir())
    }


def _download(folder: Path, python: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    given = ["--no-deps", "--only-binary=:all:", "--implementation", "cp"]
    given += ["--python-version", python, "--dest", str(folder), "--quiet"]
    given += [word for platform in PLATFORMS for word in ("--platform", platform)]
    subprocess.run([sys.executable, "-m", "pip", "download", *given, *WHEELS], check=True)


def _archive(target: Path) -> None:
    root = Path(__file__).parents[2]
    subprocess.run(["git", "archive", "-o", str(target.resolve()), "HEAD"], cwd=root, check=True)


def install(package: Path, site: Path) -> None:
    """Unpack a package's wheels into a folder that Python looks into; nothing is downloaded."""
    found = sorted(map(str, (package / "wheels").glob("*.whl")))
    if found and not site.is_dir():
        given = ["--no-index", "--no-deps", "--quiet", "--target", str(site)]
        subprocess.run([sys.executable, "-m", "pip", "install", *given, *found], check=True)
