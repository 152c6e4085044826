"""Perturbations of the samples: worst-case noise, the ascents and losses that find it."""
