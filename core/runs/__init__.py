"""What a run leaves beside its outputs: its record, and the lock that keeps others out."""
