"""Options that are fractions: what is written as a percentage is told how it is written."""

from typing import Any

import click


class _Fraction(click.ParamType):
    """A number that is a fraction of something; a percentage is told how it is written."""

    name = "fraction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; click's own refusal of what is none."""
        if fraction := of_percentage(str(value)):
            self.fail(f"{value!r} is a percentage; give it as a fraction, {fraction}.", param, ctx)
        return click.FLOAT.convert(value, param, ctx)


def of_percentage(text: str) -> str:
    """The fraction that a percentage is, as text; empty for anything else."""
    try:
        return f"{float(text[:-1]) / 100:g}" if text.endswith("%") else ""
    except ValueError:
        return ""


FRACTION = _Fraction()
