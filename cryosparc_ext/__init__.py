"""CryoSPARC external jobs."""
