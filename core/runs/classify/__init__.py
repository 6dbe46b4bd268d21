"""Class averages of a set of particles, as a run."""
