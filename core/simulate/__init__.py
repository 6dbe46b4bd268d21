"""Clean projections and noisy pairs from maps, atomic models and phantoms."""
