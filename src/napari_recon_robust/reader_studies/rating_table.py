"""Ratings as CSV with a line for each: iMRMC's columns, or those of MRMCaov's data (with the truth in each line)."""

import csv
from pathlib import Path

from ..ground.errors import FileFormatError
from ..ground.guard import read
from ..ground.table import csv_reader
from .imrmc import TRUTH, assembled
from .ratings import Ratings

IMRMC = ("readerID", "caseID", "modalityID", "score")
MRMCAOV = ("reader", "treatment", "case", "truth", "rating")


def read_rating_table(path: str | Path) -> Ratings | None:
    """Open such a table, or return None where the columns are others; each case is a patient of its own.

    Raises FileFormatError for a file that cannot be read, or whose truths and ratings do not fit together.
    """
    path = Path(path)
    content = read(path)
    try:
        reader = csv_reader(content.decode("utf-8-sig"))
        columns = set(reader.fieldnames or ())
        if not (columns >= set(IMRMC) or columns >= set(MRMCAOV)):
            return None
        rows = list(reader)
        number = float if reader.reader.dialect.delimiter == "," else _with_a_comma
        if columns >= set(IMRMC):
            truths = [(row["caseID"], number(row["score"])) for row in rows if row["readerID"] in TRUTH]
            scores = [
                (row["readerID"], row["caseID"], row["modalityID"], number(row["score"]))
                for row in rows
                if row["readerID"] not in TRUTH
            ]
        else:
            truths = [(row["case"], number(row["truth"])) for row in rows]
            scores = [(row["reader"], row["case"], row["treatment"], number(row["rating"])) for row in rows]
    except (ValueError, TypeError, AttributeError, csv.Error):
        raise FileFormatError(f"{path.name} is no table of ratings: a truth or a rating is no number.") from None
    return assembled(path.name, truths, scores)


def _with_a_comma(text: str) -> float:
    """A number as spreadsheets write it where no commas separate columns."""
    return float(text.replace(",", "."))
