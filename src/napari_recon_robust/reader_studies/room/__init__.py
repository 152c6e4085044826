"""The page in which readers read, and its server."""
