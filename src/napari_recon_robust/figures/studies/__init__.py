"""Figures of a study, each one function of the table of its trials."""
