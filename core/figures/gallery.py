"""Pictures of particles before and after, and of their power spectra."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from scipy.ndimage import gaussian_filter

from ..signal.background import ring_statistics
from ..signal.spectrum import radial_power
from ..wording import counted
from .axes import LARGE, enlarge, frequencies, mark_limit, resolution_axis
from .montage import OWN, Labels, Range, common_range, montage
from .sample import Sample

Images = npt.NDArray[np.float32]

PAGE = (11.7, 8.3)
"""A4 landscape, inches."""
MARGIN = 0.2
"""Inches."""
RAW, DENOISED, REMOVED = "#7f7f7f", "#c2410c", "#1d4ed8"
RAW_SPREAD = 4.0
LEAST_POWER = 1e-5
"""Of white noise of the raw background's sd: less is nothing."""
SMOOTH = 20.0
"""Å, resolution at which the low-pass filter of the gallery halves amplitudes."""


def page() -> Figure:
    """Make an empty page, whose contents keep off its edges."""
    return Figure(figsize=PAGE, layout=ConstrainedLayoutEngine(w_pad=MARGIN, h_pad=MARGIN))


def normalise(images: Images) -> Images:
    """Bring (n, box, box) images to background mean 0, sd 1; constant ones become 0."""
    raw = torch.from_numpy(np.nan_to_num(images))
    mean, sd = ring_statistics(raw)
    return np.asarray(((raw - mean) / torch.where(sd > 0, sd, torch.inf)).numpy())


def gallery(sample: Sample, title: str) -> Figure:
    """Show the best, random and the worst particles before and after; a column a particle.

    All denoised images share one grey range, so that an empty one looks empty; below, each has its
    own.

    Parameters
    ----------
    sample
        From which particles are chosen, see `Sample.groups`.
    title
        Above the page.
    """
    groups = sample.groups()
    places = [place for group in groups.values() for place in group]
    raw, denoised = sample.raw[places], sample.denoised[places]
    smooth = low_passed(raw, sample.pixel_size)
    shown = common_range(denoised)
    below = [f"no. {sample.number(k)}\n{sample.score_name} {sample.scores[k]:.2f}" for k in places]
    figure = page()
    figure.suptitle(f"{title}\n{_ranges(shown, sample.contrast)}", fontsize=LARGE)
    axes = figure.subplots()
    rows: dict[str, tuple[Images, Range]] = {
        "raw": (raw, RAW_SPREAD),
        f"{SMOOTH:g} Å\nlow-pass": (smooth, common_range(smooth)),
        "denoised": (denoised, shown),
        "denoised,\neach its\nown greys": (denoised, OWN),
        "taken off": (raw - denoised, RAW_SPREAD),
    }
    labels = Labels(below, {name: len(group) for name, group in groups.items()})
    montage(axes, rows, sample.pixel_size, labels)
    axes.set_xlabel(
        f"no.: row of the particle in its table; {sample.score_name}: {sample.score_words}; best "
        "and worst are told by it",
        fontsize=11,
    )
    return figure


def strip(sample: Sample) -> dict[str, tuple[Images, Range]]:
    """Choose two rows of images for a report's first page: raw and denoised particles."""
    places = [place for group in sample.groups().values() for place in group]
    denoised = sample.denoised[places]
    return {
        "raw": (sample.raw[places], RAW_SPREAD),
        "denoised": (denoised, common_range(denoised)),
    }


def low_passed(images: Images, pixel_size: float) -> Images:
    """Smooth (n, box, box) images by a Gaussian that halves amplitudes at `SMOOTH` Å."""
    sigma = SMOOTH / (2 * np.pi) * np.sqrt(2 * np.log(2)) / pixel_size
    return np.asarray(gaussian_filter(images, (0, sigma, sigma)))


def _ranges(shown: tuple[float, float], contrast: int) -> str:
    """Say which grey values are black and white, as the page and relion_display count them."""
    low, high = shown
    black, white = (low, high) if contrast > 0 else (-high, -low)
    inverted = "" if contrast > 0 else " there black particles stay black:"
    return (
        f"Grey range in sd of the raw background: raw and taken off ±{RAW_SPREAD:g}, denoised "
        f"{low:.2g} to {high:.2g}\n(in relion_display:{inverted} --black {black:.2g} "
        f"--white {white:.2g})"
    )


def spectra(raw: Images, denoised: Images, pixel_size: float, limit: float) -> Figure:
    """Mean radial power of raw images, denoised images and of what was taken off.

    Parameters
    ----------
    raw, denoised : (n, box, box)
        In the same units.
    pixel_size
        Å.
    limit
        Å, the finest resolution that the network sees.
    """
    figure = page()
    axes = figure.subplots()
    curves = {
        "raw": (raw, RAW),
        "denoised": (denoised, DENOISED),
        "taken off (raw − denoised)": (raw - denoised, REMOVED),
    }
    for label, (images, colour) in curves.items():
        power = radial_power(torch.from_numpy(np.ascontiguousarray(images))).mean(0).numpy()
        frequency = frequencies(len(power), pixel_size)
        shown = np.where(power >= LEAST_POWER, power, np.nan)  # the rest would leave the frame
        axes.semilogy(frequency[1:], shown[1:], label=label, color=colour, lw=2)
    resolution_axis(axes, 0.5 / pixel_size)
    axes.set_ylim(LEAST_POWER, None)
    mark_limit(axes, limit, pixel_size)
    axes.set_ylabel("power per coefficient (white noise of sd 1 has 1)")
    axes.set_title(f"Radial power spectra, mean of {counted(len(raw), 'particle')}")
    axes.legend(loc="lower left")
    enlarge(figure)
    return figure
