"""Micrographs and the picks on them."""
