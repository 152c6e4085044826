"""Ratings and marks that other programs read and write: iMRMC's text, RJafroc's Excel, and tables as CSV."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..ground.errors import InputError, either
from ..ground.writing import write
from .export import read_csv
from .imrmc import read_imrmc, to_imrmc
from .marks import Marks
from .measures.found import Found
from .measures.free_response import wafroc
from .measures.lesions import NOBODY, WORDS, roc
from .plan import EndpointMeasure
from .rating_table import read_rating_table
from .ratings import Ratings
from .rjafroc import read_rjafroc, write_rjafroc


def exchanged(
    rows: Sequence[Mapping[str, Any]], question: str = "", arms: Sequence[str] | None = None
) -> Ratings | Marks:
    """The ratings or marks in rows of `export.long_table`, of readings alone, no training and no repeats.

    question: about lesions; may be left out where there is one only. arms: in the order of the plan, by default in that
    of their names. Cases of unknown truth are left out of ratings. Raises InputError where there is no such question,
    no truth is known, or a truth that marks need is not.
    """
    asked = [row for row in rows if "seen" in row["answer"] or "marks" in row["answer"]]
    known = list(dict.fromkeys(row["question"] for row in asked))
    if not question and len(known) == 1:
        question = known[0]
    if question not in known:
        named = f"name one by --question: {either(known)}." if known else "this study asks none."
        raise InputError(f"other programs read answers about lesions; {named}")
    chosen = [row for row in rows if row["question"] == question and row["purpose"] == "reading"]
    if any("marks" in row["answer"] for row in chosen):
        return Marks.of(chosen, arms)[0]
    return Ratings.of(chosen, arms)


def write_exchanged(data: Ratings | Marks, path: str | Path) -> Path:
    """Write .imrmc or .xlsx; InputError for another suffix, for marks as .imrmc, or for what a format cannot hold."""
    path = Path(path)
    if path.suffix == ".xlsx":
        return write_rjafroc(path, data)
    if path.suffix != ".imrmc":
        raise InputError(f"{path.name} has no known suffix; name it .imrmc or .xlsx.")
    if isinstance(data, Marks):
        raise InputError("iMRMC has no marks; write them as .xlsx, for RJafroc.")
    write(path, to_imrmc(data).encode())
    return path


def read_exchanged(path: str | Path, question: str = "") -> Ratings | Marks:
    """Open .imrmc, .xlsx, or a .csv: of an export, or as `rating_table` reads it.

    Raises InputError for another suffix, FileFormatError for a file that is not of its form.
    """
    path = Path(path)
    if path.suffix == ".imrmc":
        return read_imrmc(path)
    if path.suffix == ".xlsx":
        return read_rjafroc(path)
    if path.suffix == ".csv":
        ratings = read_rating_table(path)
        return exchanged(read_csv(path), question) if ratings is None else ratings
    raise InputError(f"{path.name} has no known suffix; name an .imrmc, .xlsx or .csv file.")


def compare(data: Ratings | Marks, name: str = "") -> Found:
    """The arms compared: the area under the ROC curve of ratings, under the wAFROC curve of marks."""
    figure: EndpointMeasure = "wafroc" if isinstance(data, Marks) else "auc"
    compared, left = data.paired()
    if not compared.readers:
        return Found(remarks=[f"{name}: no {WORDS[figure]}: {NOBODY}."])
    return wafroc(name, compared, left) if isinstance(compared, Marks) else roc(name, compared, left)
