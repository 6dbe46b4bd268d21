"""The methods that a denoiser has to beat: those of the paper's Table 1, and trivial ones."""
