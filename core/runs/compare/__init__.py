"""A comparison: every method on the same pairs, with tables and figures."""
