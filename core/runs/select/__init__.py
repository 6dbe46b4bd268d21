"""Choose the particles that are worth keeping."""
