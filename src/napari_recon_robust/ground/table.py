"""Tables as texts: CSV, Markdown and LaTeX."""

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

from .errors import whole_letters

if TYPE_CHECKING:
    from polars import DataFrame

# What LaTeX would take for a command, and letters of tables that its standard fonts lack.
_LATEX = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}"},
        **{"<": "$<$", ">": "$>$"},
        **{"η": r"$\eta$", "−": "$-$", "–": "--", "—": "---", "²": r"$^2$", "°": r"$^\circ$", "µ": r"$\mu$"},
    }
)
_OPTIONS = ("[", "*")  # how a line begins that LaTeX would take for an option of the end of the line above
_MARKS = re.compile(r"\||<(?=[A-Za-z/!?])")  # what Markdown takes for the end of a cell, or for HTML
_DELIMITERS = (",", ";", "\t")
# How a cell begins that a spreadsheet would compute, or that is quoted.
_QUOTED = ("=", "+", "-", "@", "\t", "\r", "'")


def to_csv(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A table with these columns and a head. None and numbers that are not finite are empty; floats have six digits.

    A text that a spreadsheet would take for a formula gets a ' in front.
    """
    return csv_lines([names, *([_cell(row[name]) for name in names] for row in rows)])


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Rows as lines of CSV, their cells as they are, but for letters that UTF-8 cannot hold."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return whole_letters(text.getvalue())


def csv_reader(text: str, newline: str | None = "", *, skipinitialspace: bool = True) -> "csv.DictReader[str]":
    """The rows of a table by the names in its first line, which are separated by commas, semicolons or tabs.

    Spreadsheets write semicolons where numbers have a decimal comma. newline: as Python's text files take it.
    skipinitialspace: as of `csv`.
    """
    first = StringIO(text, newline=newline).readline()
    delimiter = max(_DELIMITERS, key=lambda one: len(next(csv.reader([first], delimiter=one), [])))
    return csv.DictReader(StringIO(text, newline=newline), delimiter=delimiter, skipinitialspace=skipinitialspace)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts in Markdown, without a line break at its end."""
    lines = [f"| {' | '.join(map(_of_markdown, cells))} |" for cells in (heads, *rows)]
    return whole_letters("\n".join([lines[0], "|---" * len(heads) + "|", *lines[1:]]))


def latex(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts in LaTeX, as booktabs draws it, without a line break at its end."""
    lines = [_line_of_latex(cells) for cells in (heads, *rows)]
    inner = "\n".join((r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"))
    return whole_letters(f"\\begin{{tabular}}{{{'l' * len(heads)}}}\n{inner}\n\\end{{tabular}}")


def frame_to_csv(table: "DataFrame") -> bytes:
    """A data frame with a head, its numbers as they are and its texts as `to_csv` has them."""
    from polars import String
    from polars.selectors import by_dtype

    content = BytesIO()
    beginning = rf"^([{re.escape(''.join(_QUOTED))}])"
    table.with_columns(by_dtype(String).str.replace(beginning, "'$1")).write_csv(content)
    return content.getvalue()


def quoted(text: str) -> str:
    """The text, behind a ' where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_QUOTED) else text


def unquoted(text: str) -> str:
    """The text that was `quoted`."""
    return text.removeprefix("'")


def _of_markdown(cell: str) -> str:
    return _MARKS.sub(r"\\\g<0>", _in_a_line(cell))


def _line_of_latex(cells: Sequence[str]) -> str:
    text = " & ".join(_in_a_line(cell).translate(_LATEX) for cell in cells)
    return f"{'{}' * text.startswith(_OPTIONS)}{text} \\\\"


def _in_a_line(text: str) -> str:
    return " ".join(text.splitlines())


def _cell(value: object) -> object:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return "" if value is None else value
