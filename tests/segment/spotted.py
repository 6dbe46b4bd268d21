"""Micrographs with dark round particles in noise, and the places where they are."""

import numpy as np

from core.images.micrographs.reader import MicrographImage


def spotted(shape=(240, 300), diameter=24.0, n=25, contrast=2.5, seed=0):
    """Give (pixels, centres): gaussian noise of sd 1 about 100 with dark discs."""
    rng = np.random.default_rng(seed)
    pixels = 100 + rng.standard_normal(shape)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    centres = []
    while len(centres) < n:
        y, x = rng.uniform(diameter, np.array(shape) - diameter)
        if all(np.hypot(y - b, x - a) > 1.2 * diameter for b, a in centres):
            centres.append((y, x))
            pixels -= contrast * (np.hypot(yy - y, xx - x) < diameter / 2)
    return pixels.astype(np.float32), np.array(centres)


def image_of(pixels):
    return MicrographImage(pixels, np.ones(pixels.shape, bool), ())
