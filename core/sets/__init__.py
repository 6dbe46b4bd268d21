"""What a whole set of particles teaches about each of them."""
