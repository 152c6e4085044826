"""List the saved cases of a folder, and what was said of them."""

from collections.abc import Sequence
from pathlib import Path

import click

from ...cases.gallery.entry import METRICS, GalleryEntry
from ...cases.gallery.listing import list_cases
from ...cases.gallery.query import DEFAULT_ORDER, ORDERS
from ...ground.errors import one_line
from ...ground.numbers import counted
from ...ground.table import to_csv
from ...ground.writing import write
from ..contradictions import refuse
from ..outputs import Outputs
from ..paths import EXISTING_FOLDER
from ..printing import print_json

_TEXTS = ("method", "perturbation", "label")
_MEASURED = ("change", "clean-ssim", "ssim", "psnr")  # columns of the table; a program gets all metrics


@click.command()
@click.argument("folder", type=EXISTING_FOLDER)
@click.option(
    "--filter",
    "wanted",
    default="",
    metavar="TEXT",
    help='List only these cases, for instance "method:tv tag:lesion ssim<0.8".',
)
@click.option(
    "--sort",
    type=click.Choice(list(ORDERS)),
    default=DEFAULT_ORDER,
    show_default=True,
    help="By what the cases are sorted, worst first.",
)
@click.option("--reverse", is_flag=True, help="Sort the other way round.")
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Write the list into a CSV file; - prints it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def gallery(folder: Path, wanted: str, sort: str, reverse: bool, table: str | None, as_json: bool) -> None:
    """List the saved cases in FOLDER, with their metrics on the region and what was said of them.

    The Gallery dock of the window shows the same as pictures, and there cases are judged. A filter is words, or
    method:, perturbation:, verdict:, tag: (the whole, * for anything, none for nothing), case:, label:, note: (a part)
    and comparisons of metrics such as ssim<0.8; -tag:lesion is its opposite.

    \b
    Examples:
      recon-robust gallery results
      recon-robust gallery results --filter "method:unet -verdict:none change>5%" --sort ssim --csv cases.csv
    """
    if as_json and table == "-":
        refuse("both --json and --csv - would be printed; leave one of them out, or give --csv a file.")
    file = None if table in (None, "-") else Path(table)
    outputs = Outputs(file)
    entries = list_cases(folder, filter=wanted, sort=sort, reverse=reverse)
    if as_json:
        print_json([entry.to_json() for entry in entries])
    elif table == "-":
        click.echo(_csv(entries), nl=False)
    else:
        none = "There is no saved case here."
        if wanted and not entries and (there := list_cases(folder)):
            none = f"The filter leaves out all that is here: {counted(len(there), 'case')}."
        _print(entries, none)
    outputs.save(file, lambda path: write(path, _csv(entries).encode()))
    outputs.end(quiet=as_json)


def _csv(entries: Sequence[GalleryEntry]) -> str:
    rows = [entry.to_json() | {"tags": ", ".join(entry.judgement.tags)} for entry in entries]
    names = ["name", *_TEXTS, "slice", *METRICS, "verdict", "tags", "note", "damage"]
    return to_csv(names, rows)


def _print(entries: Sequence[GalleryEntry], none: str) -> None:
    sound = [entry for entry in entries if not entry.damage]
    heads = ["case", *_TEXTS, "budget", *_MEASURED, "verdict", "tags"]
    rows = [
        [
            *map(
                one_line, (entry.name, *(getattr(entry, name) for name in _TEXTS))
            ),  # a stranger's may steer a terminal
            *(entry.show(name) for name in ("budget", *_MEASURED)),
            entry.judgement.verdict,
            one_line(", ".join(entry.judgement.tags)),
        ]
        for entry in sound
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for line in (heads, *rows) if sound else ():
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    for entry in entries:
        if entry.damage:
            click.echo(one_line(f"{entry.name}: {entry.damage}"))
    click.echo(counted(len(entries), "case") if entries else none)
