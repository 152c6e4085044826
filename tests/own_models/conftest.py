"""The slices that own models are run on."""

from helpers.simulated import lines, plane, simulated  # noqa: F401
