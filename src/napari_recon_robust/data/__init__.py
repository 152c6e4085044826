"""What the rest of the package works on: a scan, one slice of it as a measurement, a region."""
