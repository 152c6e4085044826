"""What everything else works on: a scan, one slice of it as a measurement, a region."""
