"""CryoSPARC's tables."""
