"""Measurements that benchmarks share and no command makes."""
