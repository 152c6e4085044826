"""Saved cases: writing and reading them, and computing them again."""
