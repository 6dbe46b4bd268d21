"""2D classes of a set: class averages, and the class, turn and offset of every particle."""
