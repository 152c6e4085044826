"""Compare the arms in a file of ratings or marks, of iMRMC, RJafroc or `export`."""

from pathlib import Path

import click

from ....reader_studies import exchange
from ....reader_studies.rating_table import read_rating_table
from ...contradictions import is_given, refuse_idle
from ...paths import EXISTING_FILE
from ...reading import say


@click.command()
@click.argument("file", type=EXISTING_FILE)
@click.option("--question", default="", help="The question about lesions, of a .csv that `export` wrote.")
def compare(file: Path, question: str) -> None:
    """Compare the arms in a FILE of ratings or marks: .imrmc, RJafroc's .xlsx, or a .csv.

    A .csv is one that `export` wrote, or has the columns of iMRMC (readerID, caseID, modalityID, score; the truth as
    reader -1) or of MRMCaov (reader, treatment, case, truth, rating).

    The area under the ROC or the wAFROC curve, by Obuchowski and Rockette for random readers and cases.
    """
    if file.suffix in (".imrmc", ".xlsx"):
        refuse_idle(("question",), f"for {file.suffix}, which holds one question")
    if is_given("question") and file.suffix == ".csv" and read_rating_table(file) is not None:
        refuse_idle(("question",), f"for {file.name}, which `export` did not write: it holds one question")
    found = exchange.compare(exchange.read_exchanged(file, question), file.stem)
    say(found.findings, found.remarks)
