"""Judging one result: metrics, comparisons, contrast."""
