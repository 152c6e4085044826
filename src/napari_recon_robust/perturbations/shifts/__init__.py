"""Shifts of the acquisition: pose, motion, contrast, mask, coils."""
