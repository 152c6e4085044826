"""Figures of a reader study, by kind of question: from rows of answers to findings."""
