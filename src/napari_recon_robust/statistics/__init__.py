"""Statistics of results: intervals, rates, paired differences, lines and ranks, with the volume as the unit."""
