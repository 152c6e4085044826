"""Compiled loops over pixels and k-space (numba), and nothing else."""
