"""Options that exclude each other, or that would do nothing: they are wrong usage, refused before anything is read."""

from collections.abc import Iterable, Sequence
from typing import NoReturn

import click
from click.core import ParameterSource

from ..ground.errors import nearest, one_line


class Group(click.Group):
    """A group whose commands take each option once, unless the option is for several values."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and its arguments.

        UsageError for an unknown command, and for an option that is given twice, where the last would count.
        """
        if not ctx.resilient_parsing and args[0][:1].isalnum() and self.get_command(ctx, args[0]) is None:
            near = nearest(args[0], self.list_commands(ctx))
            todo = f"{f'choose {near}, or ' if near else ''}see {ctx.command_path} --help"
            raise click.UsageError(f"there is no command {one_line(args[0])!r}; {todo}.", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _refuse_repeated(click.Context(command, parent=ctx, info_name=name), rest)
        return name, command, rest


def is_given(option: str) -> bool:
    """Whether an option, by its parameter's name, stands on the command line."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE


def refuse(sentence: str) -> NoReturn:
    """End the command: the options contradict each other."""
    raise click.UsageError(sentence, click.get_current_context(silent=True))


def refuse_both(one: str, other: str) -> NoReturn:
    """End the command: one of two options is to be left out."""
    refuse(f"both {one} and {other} are given; leave one of them out.")


def refuse_idle(options: Iterable[str], why: str) -> None:
    """End the command if one of these options stands on the command line and does nothing. why: as "with --table"."""
    for option in filter(is_given, options):
        refuse(f"{flag_of(option)} does nothing {why}; leave it out.")


def flag_of(option: str) -> str:
    """How an option is written on the command line, by its parameter's name."""
    options = {one.name: one for one in click.get_current_context().command.params}
    return options[option].opts[0] if option in options else f"--{option.replace('_', '-')}"


def _refuse_repeated(context: click.Context, arguments: Sequence[str]) -> None:
    try:
        *_, order = context.command.make_parser(context).parse_args(list(arguments))
    except click.UsageError:
        return  # the command says it itself
    seen = set[str | None]()
    for option in order:
        if not isinstance(option, click.Option) or not _takes_one(option):
            continue
        if option.name in seen:
            flags = " or ".join((*option.opts, *option.secondary_opts))
            raise click.UsageError(f"{flags} is given twice; leave one of them out.", context)
        seen.add(option.name)


def _takes_one(option: click.Option) -> bool:
    """Whether a second value would replace the first; a flag says the same again, unless it has an opposite."""
    if option.multiple or option.count:
        return False
    return not option.is_flag or bool(option.secondary_opts)
