"""Whose words reach the output of a command: its own."""

import os
import sys

_OUTPUT, _ERRORS = 1, 2  # descriptors of the process


def keep_the_output() -> None:
    """Leave the output to what the command itself prints, so that `--json` stays what a program reads.

    What compiled code and the programs that it starts print, as a model of one's own may, goes to the error output.
    """
    now = sys.stdout
    try:
        if now.fileno() != _OUTPUT:
            return
        os.fstat(_ERRORS)
        own = os.dup(_OUTPUT)
    except (AttributeError, OSError):  # there is no output, or no error output
        return
    now.flush()
    os.dup2(_ERRORS, _OUTPUT)
    sys.stdout = os.fdopen(
        own, "w", encoding=now.encoding, errors=now.errors, buffering=1 if now.line_buffering else -1
    )


def drop_the_output() -> None:
    """Leave out what could not be printed, which Python would try once more at its end."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
