"""What a command prints: its result and sentences for the user; and that its output has nobody else's words."""

import codecs
import io
import json
import os
import sys
from typing import Any

import click

from ..ground.numbers import finite

_OUTPUT, _ERRORS = 1, 2  # descriptors of the process
_INSTEAD = {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{HORIZONTAL ELLIPSIS}": "..."}


def warn(sentence: str) -> None:
    """A sentence for the user that no result depends on, on stderr."""
    click.echo(f"recon-robust: {sentence}", err=True)


def print_json(result: Any) -> None:
    """Plain JSON; NaN and infinity become null, which JSON has no numbers for."""
    click.echo(json.dumps(finite(result), indent=2, allow_nan=False))


def print_in_any_encoding() -> None:
    """Print a letter that the output's encoding lacks as another one, as of a file on Windows: a minus as a hyphen."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        codecs.register_error(__name__, _instead)
        sys.stdout.reconfigure(errors=__name__)


def _instead(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError), "it is for an output"
    return "".join(_INSTEAD.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


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
