"""A group of commands that are the modules of a package; a command that has commands below it is such a package."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from linecache import getline
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import click

from .contradictions import Group


class LazyGroup(Group):
    """The modules of a package. Each is imported when its command is used, so that --help and completion are quick.

    first: the commands that a new user needs, which the list begins with.
    """

    def __init__(self, *arguments: Any, package: ModuleType, first: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._package, self._first = package, list(first)

    def list_commands(self, context: click.Context) -> list[str]:
        """All commands; those that a new user needs come first."""
        found = sorted(module.name.replace("_", "-") for module in iter_modules(self._package.__path__))
        return sorted(found, key=lambda name: self._first.index(name) if name in self._first else len(self._first))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """One command; None for an unknown name."""
        if name not in self.list_commands(context):
            return None
        module = self._module(name)
        command: click.Command = getattr(import_module(module), module.rpartition(".")[2])
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """A line each, the first of its module, which is read but not imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(name)) for name in self.list_commands(context)])

    def _module(self, command: str) -> str:
        return f"{self._package.__name__}.{command.replace('-', '_')}"

    def _summary(self, command: str) -> str:
        spec = find_spec(self._module(command))
        assert spec is not None
        assert spec.origin is not None
        return getline(spec.origin, 1).strip().strip('"')
