"""Runs that simulate particles."""
