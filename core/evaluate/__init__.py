"""Scores and reports."""
