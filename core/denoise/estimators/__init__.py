"""Estimates of clean images that answer one Protocol: the network's, and those of a whole set."""
