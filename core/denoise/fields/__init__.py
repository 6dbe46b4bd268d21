"""Fields of many particles: whole micrographs, denoised by a network that learned on particles."""
