"""Threads, devices, and groups of processes."""
