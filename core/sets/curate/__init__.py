"""Which particles of a set are worth keeping."""
