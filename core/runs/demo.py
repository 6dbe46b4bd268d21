"""The demonstration: simulated particles, denoised, compared with their truth, and classified."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from ..compute.threads import one_thread_each
from ..errors import IceblockError
from ..figures.montage import common_range, montage
from ..figures.pages import write_picture
from ..images.mrc.reader import read_header, read_images
from ..signal.agreement import masked_correlation
from ..signal.filters import wiener_filter
from ..simulate.dataset import write_dataset
from ..simulate.pairs import PairSettings
from ..simulate.sources import pair_generator
from ..simulate.superposition import widen
from .classify.options import ClassifyOptions
from .classify.run import run as classify
from .denoise.options import DenoiseOptions
from .denoise.run import run as denoise
from .folder import claim, locked
from .record import FINISHED, RunRecord, write_record

MARGIN = 16.0
"""Å."""
OUTPUTS = ("Simulated", "Denoised", "Classes", "demo.png")
PARTICLES, BOX, PIXEL_SIZE, SNR, SEED = 512, 128, 2.7, 0.15, 30


def run(out: Path, threads: int | None, overwrite: bool) -> dict[str, float]:
    """Simulate particles, denoise and classify them, and compare with the truth.

    Parameters
    ----------
    out
        Folder; gets Simulated/, Denoised/, Classes/ and demo.png.
    threads
        CPU threads; None for all.
    overwrite
        Replace what an earlier demo left.

    Returns
    -------
    scores
        Mean correlation with the truth inside the particle and `MARGIN` about it: raw, low-pass,
        denoised.
    """
    identity = {"program": "iceblock demo"}
    with locked(out):
        if claim(RunRecord, out, identity, OUTPUTS, overwrite) is not None:
            raise IceblockError(
                f"{out} holds an earlier demo; choose another --out or give --overwrite"
            )
        write_record(out, RunRecord(identity=identity, state=FINISHED))
        _simulate_and_work(out, threads)
        return _compare(out)


def _simulate_and_work(out: Path, threads: int | None) -> None:
    settings = PairSettings(snr_range=(SNR, SNR), ctf_fraction=1.0, neighbour_rate=0.0, group=1)
    print(f"Simulating {PARTICLES} particles of 4 phantoms at SNR {SNR} in {out}/Simulated")
    with one_thread_each():  # the same pictures everywhere
        generator = pair_generator([], range(SEED, SEED + 4), [], PIXEL_SIZE, settings)
        write_dataset(out / "Simulated", generator, PARTICLES, BOX, SEED)
    options = DenoiseOptions(
        particles=out / "Simulated" / "particles.star",
        out=out / "Denoised",
        threads=threads,
        command="iceblock demo",
    )
    denoise(options, progress=sys.stderr)
    classes = ClassifyOptions(
        particles=options.particles, out=out / "Classes", threads=threads, command="iceblock demo"
    )
    classify(classes, progress=sys.stderr)


def _compare(out: Path) -> dict[str, float]:
    def stack(path: str) -> torch.Tensor:
        header = read_header(out / path)
        return torch.from_numpy(read_images(header, np.arange(header.n_images)))

    raw, clean = (
        stack("Simulated/Particles/simulated.mrcs"),
        stack("Simulated/Clean/simulated.mrcs"),
    )
    images = {
        "raw": raw,
        "low-pass": _low_pass(raw),
        "denoised": stack("Denoised/Particles/simulated.mrcs"),
    }
    support = clean.abs() > 0.1 * clean.abs().amax(dim=(1, 2), keepdim=True)
    mask = widen(support, round(MARGIN / PIXEL_SIZE))
    scores = {k: float(masked_correlation(v, clean, mask).mean()) for k, v in images.items()}
    _picture(out / "demo.png", {**images, "truth": clean})
    return scores


def _low_pass(raw: torch.Tensor) -> torch.Tensor:
    """Smooth as far as a careful person would: a Gaussian that halves at 25 Å."""
    f = torch.linspace(0, 0.5, 65) / PIXEL_SIZE
    gain = torch.exp(-0.6931 * (f * 25).square())
    return wiener_filter(raw, gain, 1 - gain)


def _picture(path: Path, rows: dict[str, torch.Tensor]) -> None:
    figure = Figure(figsize=(12, 6.3), layout="constrained")
    shown = {label: images[:8].numpy() for label, images in rows.items()}
    ranges = {label: common_range(images) for label, images in shown.items()}
    made = {label: (images, ranges[label]) for label, images in shown.items()}
    montage(figure.subplots(), made, PIXEL_SIZE)
    write_picture(path, figure)
