"""Training of the denoising network."""
