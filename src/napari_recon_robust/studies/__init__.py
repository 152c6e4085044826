"""Studies on folders of scans: a plan, its trials, the workers that run them, and the store that holds the results."""
