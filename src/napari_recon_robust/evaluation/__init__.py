"""Regions of interest, metrics, comparisons, and the record of a result."""
