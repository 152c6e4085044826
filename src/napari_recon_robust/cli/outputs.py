"""The files that a command writes: tried before anything is computed, and saved elsewhere where that fails later."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import click

from ..ground.writing import WritingError, keep, try_place
from .contradictions import refuse


class Outputs:
    """The files that were asked for, all of which can be written when the command begins."""

    def __init__(self, *paths: Path | None) -> None:
        """None for what was not asked for. Raises WritingError for a file or folder that cannot be written.

        Ends the command if it reads that file: of a scan there may be no copy.
        """
        for path in paths:
            if path is not None:
                refuse_input(path)
                try_place(path)
        self._saved: list[Path] = []
        self._failure: WritingError | None = None

    def save(self, path: Path | None, save: Callable[[Path], object]) -> None:
        """Save a result by `save(path)`. A failure is raised by `end`, so that the other results are printed before."""
        if path is None:
            return
        try:
            keep(path, save)
            self._saved.append(path)
        except WritingError as error:
            if self._failure is not None:
                click.echo(f"recon-robust: {self._failure}", err=True)
            self._failure = error

    def end(self, *, quiet: bool = False) -> None:
        """Say what was saved, unless it is to be quiet; raises WritingError if something could not be."""
        for path in () if quiet else self._saved:
            click.echo(f"saved: {path}")
        if self._failure is not None:
            raise self._failure


def refuse_input(path: Path) -> None:
    """End the command if a file that it is to write is one of those that it is to read."""
    for given in _inputs():
        with suppress(OSError):  # one of them is not there
            if os.path.samefile(path, given):
                refuse(f"{path} is to be read, and would be written over; name another file for the result.")


def _inputs() -> Iterator[Path]:
    """The arguments and options of the command that have to exist."""
    context = click.get_current_context()
    for option in context.command.params:
        if isinstance(option.type, click.Path) and option.type.exists:
            given = context.params.get(str(option.name))
            yield from given if isinstance(given, tuple) else filter(None, (given,))
