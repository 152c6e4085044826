"""The properties of all reconstructors, driven by the registry."""

from helpers.method_properties import *  # noqa: F403
