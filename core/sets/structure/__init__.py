"""The structure of a set's particles at low resolution, learned from their images alone."""
