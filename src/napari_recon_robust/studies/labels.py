"""The table of labels of a plan's scans: which of its rows names which file."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from ..ground.errors import FileFormatError
from ..ground.guard import opening, read, shown
from ..ground.table import csv_reader
from .mistakes import Unfit, named_by
from .plan import Scans

_LARGEST = 2**26  # bytes of a table
Row = dict[str, str]
Parts = tuple[str, ...]  # of a path, the name of the file first


@dataclass(frozen=True)
class Labels:
    """What a table says of the files of a plan. rows: by their paths, without the column `file`. unused: other rows."""

    rows: Mapping[str, Row]
    unused: int = 0


def read_labels(scans: Scans, folder: Path, paths: Collection[str]) -> Labels:
    """The rows of a plan's table that name its files, each by as much of the path as it shares, from its end on.

    A row that shares only the end of its path with a file names it if no other file has that end. Raises Unfit for a
    table that cannot be read, and where several rows that say different things name a file equally well.
    """
    if not scans.table:
        return Labels({})
    table = _read(scans, folder)
    known = Counter(end for form in {form for path in paths for form in _forms(path)} for end in _ends(form))
    named = dict[Parts, list[Row]]()
    for file, row in table:
        whole = parts_of(file)
        longest = next((end for end in _ends(whole) if end in known), ())
        if longest == whole or known[longest] == 1:
            named.setdefault(longest, []).append(row)
    rows, used = dict[str, Row](), set[Parts]()
    for path in paths:
        end = next((end for end in ends_of(path) if end in named), None)
        if end is not None:
            rows[path] = _one_of(named[end], scans.table, path)
            used.add(end)
    return Labels(rows, len(table) - sum(len(named[end]) for end in used))


def least_paths(paths: Iterable[str]) -> dict[str, str]:
    """Of each path the shortest end that no other one has; all of it where it is the end of another."""
    every = list(dict.fromkeys(paths))
    known = Counter(end for path in every for end in _ends(parts_of(path)))
    found = dict[str, str]()
    for path in every:
        alone = [end for end in _ends(parts_of(path)) if known[end] == 1]
        found[path] = "/".join(alone[-1][::-1]) if alone else path
    return found


def parts_of(path: str) -> Parts:
    """The parts of a path, from its end on, however the system that wrote it separates them and composes letters."""
    return PurePosixPath(normalize("NFC", path.replace("\\", "/"))).parts[::-1]


def ends_of(path: str) -> Iterator[Parts]:
    """What may name a file: the ends of its path, the longest first, each also without the file's suffix."""
    for pair in zip(*map(_ends, _forms(path)), strict=True):
        yield from pair


def _forms(path: str) -> tuple[Parts, Parts]:
    """The parts of a path with the file's suffix and without."""
    name, *folders = parts_of(path)
    return (name, *folders), (PurePosixPath(name).stem, *folders)


def _ends(parts: Parts) -> list[Parts]:
    return [parts[:count] for count in range(len(parts), 0, -1)]


def _one_of(rows: list[Row], table: str, path: str) -> Row:
    if any(row != rows[0] for row in rows):
        raise Unfit(
            ("scans", "table"),
            f"{table} has {len(rows)} rows for {path}, which differ; name each file once, with as much of its path as "
            "tells it apart.",
        )
    return rows[0]


def _read(scans: Scans, folder: Path) -> list[tuple[str, Row]]:
    """The rows of a table, each with its file; rows without any value are left out, as programs for tables add some."""
    path = folder / scans.table
    with named_by("scans", "table"), opening(path, "a CSV table", "give a table with a column 'file'"):
        reader = csv_reader(read(path, _LARGEST).decode("utf-8-sig"))
        names = [name for name in reader.fieldnames or [] if name]  # programs for tables add empty columns
        for needed in ("file", *([scans.volume] if scans.volume else [])):
            if needed not in names:
                raise FileFormatError(f"{shown(path)} has no column {needed!r}; it has {', '.join(names)}.")
        for name, count in Counter(names).items():
            if count > 1:
                raise FileFormatError(
                    f"{shown(path)} has {count} columns {name!r}; give each a name of its own, or leave one out."
                )
        rows = [{name: (row[name] or "").strip() for name in names} for row in reader]
    return [(row.pop("file"), row) for row in rows if any(row.values())]
