"""An evaluation: how far to trust a set of denoised particles."""
