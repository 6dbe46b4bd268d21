"""A training run: a model file from volumes and noise."""
