"""Whole runs, as every way in starts them: what they do, record, resume and tell."""
