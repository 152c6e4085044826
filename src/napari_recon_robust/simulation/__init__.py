"""Simulated scans: anatomy, coils, noise, and the packaged sample."""
