"""Denoise whole micrographs, to look at them and to pick on them."""
