"""A simulated slice."""

from helpers.simulated import simulated  # noqa: F401
