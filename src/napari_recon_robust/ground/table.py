"""Tables as CSV files."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO


def to_csv(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A table with these columns and a head; what is None or not finite is left empty, floats have six digits."""
    text = StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row[name]) for name in names})
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return "" if value is None else value
