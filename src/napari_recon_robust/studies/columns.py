"""Columns of the table of a study by which its rows are matched."""

MASK = ("mask", "acceleration", "mask_seed", "centre_fraction", "minimum_centre_lines")
"""All that determines a sampling mask, besides the slice's size."""

PLACE = ("scan", "slice", *MASK, "region")
"""What trials of several methods and changes have in common: the same samples, and the same region of them."""
