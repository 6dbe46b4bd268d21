"""A denoising run: particles in, denoised particles with the same metadata out."""
