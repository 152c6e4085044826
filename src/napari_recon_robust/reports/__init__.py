"""Saved cases for others to read: a report as one HTML file, and images in the formats of other programs."""
