"""Networks that are fitted to one slice."""

from typing import TYPE_CHECKING

from ...former import names

if not TYPE_CHECKING:  # else every name would be found
    __getattr__ = names(__name__)
