"""Segmentation runs: micrographs labelled, and the network trained on a user's own picks."""
