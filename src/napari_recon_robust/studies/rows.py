"""Rows of the table of a study: in files, Parquet or the lines of an attempt under way; what images are measured by."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..ground.errors import FileFormatError, InputError, one_line, to_install
from ..ground.guard import check_memory, opening, read, shown, status
from .plan import IMAGE_METRICS

if TYPE_CHECKING:
    from polars import DataFrame, Expr

Row = Mapping[str, Any]
TRUTH, OWN = "fully sampled image", "clean image"  # what an image is measured against

_LONGEST = 2**28  # bytes of the lines of an attempt
_TAIL = 8  # bytes at the end of a Parquet file: the length of its footer, and four letters
_CHECKSUM = b"recon-robust SHA-256 "
_NEEDED = ("trial", "error")  # columns that every part of the table has, of texts
_KINDS = ("String", "Float64", "Int64", "Boolean", "Null")  # that a column may have


def polars() -> ModuleType:
    """The library of tables; InputError where it is not installed."""
    try:
        import polars
    except ImportError:
        raise InputError(f"studies need polars; {to_install('studies')}.") from None
    return polars


def frame_of(rows: Sequence[Row], columns: Mapping[str, str]) -> "DataFrame":
    """The rows as a DataFrame, without those that are damaged. columns: their names with their types, as of polars."""
    library = polars()
    schema = {name: getattr(library, kind) for name, kind in columns.items()}

    def made(some: Sequence[Row]) -> "DataFrame":
        frame: DataFrame = library.DataFrame(list(some), schema=schema)
        return frame

    def fits(row: Row) -> bool:
        with suppress(Exception):  # of many kinds, for values that are not of the column's type
            made([row])
            return True
        return False

    try:
        return made(rows)
    except Exception:
        return made([row for row in rows if fits(row)])


def against(trials: "DataFrame", metric: str | None = None) -> "Expr":
    """What the images of each trial are measured against, by whether there is a figure of the clean ones.

    Where there is a fully sampled image, trials with a perturbation have the clean image's figure, too. metric: the
    value that is asked for; those of other kinds are measured in the image itself, and need no clean one. None asks by
    all figures of images.
    """
    library = polars()
    asked = trials.columns if metric is None else [metric]
    pairs = [(name, name.replace("_perturbed", "_clean")) for name in asked if name.startswith(IMAGE_METRICS)]
    own = [
        library.col(name).is_not_null() & library.col(clean).is_null()
        for name, clean in pairs
        if name != clean and {name, clean} <= set(trials.columns)
    ]
    if not own:
        return library.lit(TRUTH)
    return library.when(library.any_horizontal(own)).then(library.lit(OWN)).otherwise(library.lit(TRUTH))


def packed(frame: "DataFrame") -> bytes:
    """The content of a Parquet file with these rows, and with a checksum that `read_rows` compares.

    It lies before the footer, where no offset points, so that other readers do not meet it. Parquet itself has none
    that must be there, and most flipped bits would only give another number.
    """
    file = BytesIO()
    frame.write_parquet(file)
    content = file.getvalue()
    place = len(content) - _TAIL - int.from_bytes(content[-_TAIL:-4], "little")
    return content[:place] + _CHECKSUM + sha256(content).hexdigest().encode() + content[place:]


def _check_content(content: bytes) -> None:
    """Raise ValueError for a file that is not as `packed` made it; earlier versions wrote no checksum."""
    place = content.rfind(_CHECKSUM)
    if place >= 0:
        begin = place + len(_CHECKSUM)
        digest = sha256(memoryview(content)[:place])
        digest.update(memoryview(content)[begin + 2 * digest.digest_size :])
        if content[begin : begin + 2 * digest.digest_size] != digest.hexdigest().encode():
            raise ValueError("it is damaged")


def once(rows: "DataFrame") -> "DataFrame":
    """Each trial once: its first valid row, or of failed ones the last. rows: the older ones first."""
    failed = polars().col("error").is_not_null()
    last = rows.filter(failed).unique("trial", keep="last", maintain_order=True)
    found: DataFrame = polars().concat([rows.filter(~failed), last])
    return found.unique("trial", keep="first", maintain_order=True)


def read_rows(
    path: Path, *columns: str, types: Mapping[str, str] | None = None, needed: Sequence[str] = _NEEDED
) -> "DataFrame":
    """The rows in a Parquet file; FileNotFoundError if it was merged meanwhile, FileFormatError if it is damaged.

    columns: those that are read, as far as it has them; all if none is named. types: of the columns of the table, as
    polars calls them. needed: columns that must be there.
    """
    with _opening(path):
        _check_content(stored := read(path))
        content = BytesIO(stored)
        known = polars().read_parquet_schema(content)
        check_memory(shown(path), 8 * _length(content) * max(len(known), 1))
        found: DataFrame = polars().read_parquet(content, columns=[name for name in columns if name in known] or None)
        _check(path, found, types or {}, needed)
        return found


def columns_in(path: Path) -> dict[str, str]:
    """The columns of a Parquet file with their types, as polars calls them; errors as of `read_rows`."""
    with _opening(path):
        return {name: str(kind) for name, kind in polars().read_parquet_schema(path).items()}


def _check(path: Path, rows: "DataFrame", types: Mapping[str, str], needed: Sequence[str]) -> None:
    """Raise FileFormatError for what no study writes."""
    found = dict.fromkeys((*_NEEDED, *needed), "missing") | {name: str(kind) for name, kind in rows.schema.items()}
    expected = {**types, **dict.fromkeys(_NEEDED, "String")}
    wrong = next((name for name, kind in found.items() if kind not in (expected.get(name, kind), "Null")), None)
    wrong = wrong or next((name for name, kind in found.items() if kind not in _KINDS), None)
    if wrong is None and rows["trial"].null_count():
        wrong = "trial"
    if wrong is not None:
        raise FileFormatError(
            f"{shown(path)} is no part of a study's table, by its column {one_line(wrong, 40)!r}; remove it, and "
            "resume the study."
        )


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Raise FileNotFoundError for a part of the table that was merged meanwhile, FileFormatError for a damaged one."""
    try:
        with opening(path, "a part of the table", "remove it, and resume the study"):
            status(path)  # told apart from a missing one
            try:
                yield
            except BaseException as error:
                if type(error).__name__ != "PanicException":  # of Rust, no Exception
                    raise
                raise ValueError("it is damaged") from None
    except FileFormatError:
        if os.path.lexists(path):
            raise
        raise FileNotFoundError(path) from None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows in the lines of an attempt; one that a kill cut off is none."""
    with _opening(path):
        content = read(path, _LONGEST)
    for line in content.split(b"\n"):
        with suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, dict) and isinstance(row.get("trial"), str) and not any(map(_is_nested, row.values())):
                yield row


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def batches(paths: Sequence[Path], rows: int) -> Iterator[list[Path]]:
    """Files in batches of about so many rows."""
    batch, count = list[Path](), 0
    for path in paths:
        batch.append(path)
        with _opening(path):
            count += _length(BytesIO(read(path)))
        if count >= rows:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def _length(content: BytesIO) -> int:
    """The number of rows of a Parquet file, by its head."""
    return int(polars().scan_parquet(content).select(polars().len()).collect().item())
