"""The slice that is perturbed, and methods that need nothing but the physics."""

from helpers.toy_slice import combined, make_measurement, measurement, part, roi, rss  # noqa: F401
