"""What the particles of a data set have in common: their mean and covariance, learned from them."""
