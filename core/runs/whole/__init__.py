"""A whole run: noise blocks, fine-tuning, denoised particles and their examination."""
