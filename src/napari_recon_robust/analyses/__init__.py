"""Analyses of methods on measurements, whose results are tables, curves or maps."""
