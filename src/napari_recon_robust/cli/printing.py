"""What a command prints: its result and sentences for the user; and that its output has nobody else's words."""

import json
import os
import sys
from typing import Any

import click

from ..ground.numbers import finite

_OUTPUT, _ERRORS = 1, 2  # descriptors of the process


def warn(sentence: str) -> None:
    """A sentence for the user that no result depends on, on stderr."""
    click.echo(f"recon-robust: {sentence}", err=True)


def print_json(result: Any) -> None:
    """Plain JSON; NaN and infinity become null, which JSON has no numbers for."""
    click.echo(json.dumps(finite(result), indent=2, allow_nan=False))


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
