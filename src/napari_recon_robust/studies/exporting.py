"""The table of a study as one file for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.errors import InputError, either
from ..ground.table import frame_to_csv
from ..ground.writing import write
from .rows import packed

if TYPE_CHECKING:
    from polars import DataFrame

SUFFIXES = (".csv", ".parquet")


def check_suffix(path: Path) -> None:
    """InputError for a file of another kind."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"the table is to be written to {path.name}; give a name that ends in {either(SUFFIXES)}.")


def check_finished(table: "DataFrame") -> None:
    """InputError for the table of a study without a finished trial."""
    if table.is_empty():
        raise InputError("the study has no finished trial yet; run it first.")


def export_table(table: "DataFrame", path: Path) -> None:
    """Write a table as CSV or Parquet, by the suffix; InputError for another one, WritingError if that fails."""
    check_suffix(path)
    write(path, frame_to_csv(table) if path.suffix.lower() == ".csv" else packed(table))
