"""The mean of what is known of a particle's views, weighted by how well each fits its image."""
