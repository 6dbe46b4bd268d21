"""The denoising network: architecture, model file, training, inference."""
