"""Noise: blocks of pure ice, their bank, and noise made to measure."""
