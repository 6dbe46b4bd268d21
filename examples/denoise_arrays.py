"""Denoise particles as an array, and save the images of those that can be trusted most.

python denoise_arrays.py PARTICLES.star BEST.mrcs
"""

import sys

import mrcfile
import numpy as np

from core.api import Denoiser, read_ctf, read_images, read_particles


def main(star: str, out: str) -> None:
    """Denoise, and save the half with the higher confidence, best first."""
    particles = read_particles(star)
    images = read_images(particles)  # (n, box, box)
    pixel_size = float(particles.pixel_sizes[0])
    ctf = read_ctf(particles)

    denoiser = Denoiser()
    denoiser.learn(images, pixel_size, ctf)  # what the particles have in common
    denoised, confidence = denoiser.with_confidence(images, pixel_size, ctf)

    best = np.argsort(-confidence)[: len(confidence) // 2]
    with mrcfile.new(out, overwrite=True) as file:
        file.set_data(denoised[best])
        file.set_image_stack()
        file.voxel_size = pixel_size
    print(f"{len(best)} of {particles.n} particles are in {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
