"""Small features that are inserted, and the search for those that are lost."""
