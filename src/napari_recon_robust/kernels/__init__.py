"""Loops over pixels and k-space, compiled by numba."""
