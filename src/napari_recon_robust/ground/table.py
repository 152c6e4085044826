"""Tables as CSV files."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO


def to_csv(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A table with these columns and a head; what is None or not finite is left empty, floats have six digits.

    A text that a spreadsheet would take for a formula is quoted by a '.
    """
    text = StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row[name]) for name in names})
    return text.getvalue()


def quoted(text: str) -> str:
    """The text, behind a ' where a spreadsheet would take it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "'") else text


def _cell(value: object) -> object:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return "" if value is None else value
