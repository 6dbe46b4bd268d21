"""Segmentation: which pixels of a micrograph are background, pollution, or particle."""
