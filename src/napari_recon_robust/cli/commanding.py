"""A command with its options. Importing it is cheap."""

from collections.abc import Callable, Sequence
from typing import Any

Command = Callable[..., Any]


def decorated(command: Command, options: Sequence[Command]) -> Command:
    """The command with options, which its help lists in this order."""
    for option in reversed(options):
        command = option(command)
    return command
