"""iceblock for Python programs: denoise arrays of particles, or whole files of them.

What stands here is public and stays as it is within a major version; every other module of `core`
is private and may change. An array of particles is (n, box, box) float32.
"""

from ..denoise.model_file import Model
from ..errors import IceblockError
from ..images.particle_images import images_of as read_images
from ..images.particles import ParticleSet
from ..signal.ctf import CtfParameters
from .arrays import Denoiser, load_model
from .files import (
    classify_file,
    denoise_file,
    read_ctf,
    read_noise_bank,
    read_particles,
    select_file,
)

__all__ = [
    "CtfParameters",
    "Denoiser",
    "IceblockError",
    "Model",
    "ParticleSet",
    "classify_file",
    "denoise_file",
    "load_model",
    "read_ctf",
    "read_images",
    "read_noise_bank",
    "read_particles",
    "select_file",
]
