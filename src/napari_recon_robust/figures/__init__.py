"""Pictures of results, as arrays and files."""
