"""Scans that never were: anatomy, coils, noise, and the packaged sample."""
