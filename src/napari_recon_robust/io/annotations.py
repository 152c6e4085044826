"""fastMRI+ annotations: boxes that radiologists drew on fastMRI's images.

Source: Zhao et al., fastMRI+, Scientific Data 2022, doi:10.1038/s41597-022-01255-z, and its repository's converter.
"""

import csv
from pathlib import Path

from ..data.roi import ROI, Annotation, Box
from ..ground.errors import FileFormatError, InputError
from ..ground.guard import head, is_file, opening, read, shown, to_path
from ..ground.table import csv_reader

LABEL, SUFFIX = "fastMRI+ annotations", ".csv"
COLUMNS = ("file", "slice", "study_level", "x", "y", "width", "height", "label")
_LARGEST = 2**27  # bytes of a table; fastMRI+'s have 1 MB
_FIRST_LINE = 2**12  # bytes of it that are looked at


def read_annotations(path: str | Path, file_name: str, rows: int, columns: int | None = None) -> list[Annotation]:
    """The annotations of one scan: stored rows [H - y - h, H - y), columns [x, x + w), H = `rows`.

    fastMRI+ draws on images turned upside down. `rows` (and `columns`, if boxes outside are to be left out) are
    those of the stored reconstruction, not the header's. file_name: the scan's; the table may name it with its suffix
    or without, as fastMRI+ does.
    Every line of the table gives an annotation. If its box cannot be used, `box` is None and `note` says why.
    Raises FileFormatError for a file without the columns of such a table.
    """
    path = to_path(path)
    with opening(path, "a CSV table", "give a fastMRI+ table"):
        reader = csv_reader(read(path, _LARGEST).decode("utf-8-sig"))
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise FileFormatError(
                f"{shown(path)} has no column {', '.join(missing)}; a fastMRI+ table with the columns "
                f"{', '.join(COLUMNS)} is expected."
            )
        name = file_name.strip()
        found = [row for row in reader if (row["file"] or "").strip() in {name, Path(name).stem, f"{name}.h5"}]
    seen: set[tuple[str, ...]] = set()
    annotations = []
    for row in found:
        fields = tuple((row[column] or "").strip() for column in COLUMNS)
        annotations.append(_annotation(fields, rows, columns, repeated=fields in seen, table=shown(path)))
        seen.add(fields)
    return annotations


def is_table(path: Path) -> bool:
    """Whether the first line of a file names the columns of a fastMRI+ table."""
    first = head(path, _FIRST_LINE).partition(b"\n")[0]
    try:
        return {*COLUMNS} <= {*(csv_reader(first.decode("utf-8-sig")).fieldnames or ())}
    except (ValueError, csv.Error):  # a carriage return alone ends no line for csv
        return False


def beside(scan: Path, rows: int, columns: int) -> tuple[tuple[Annotation, ...], tuple[str, ...]]:
    """The scan's annotations from all fastMRI+ tables in its folder, and a note on each table that is damaged.

    Other CSV files are ignored.
    """
    annotations: list[Annotation] = []
    notes: list[str] = []
    for table in filter(is_file, sorted(scan.parent.glob(f"*{SUFFIX}"))):
        try:
            annotations += read_annotations(table, scan.name, rows, columns)
        except FileFormatError as error:
            if is_table(table):
                notes.append(f"Annotations are left out: {error}")
    return tuple(annotations), tuple(notes)


def _annotation(fields: tuple[str, ...], rows: int, columns: int | None, repeated: bool, table: str) -> Annotation:
    _, slice, study_level, *box, label = fields
    study = study_level.lower() == "yes"
    try:
        number = 0 if study and not slice else _whole(slice)  # fastMRI+ has 0 there
    except ValueError:
        raise FileFormatError(
            f"{table} has the slice {slice!r} for {label!r}; a whole number from 0 is expected."
        ) from None
    region, note = None, ""
    if repeated:
        note = "repeats an earlier row"
    elif study:
        note = "about the whole study, without a box"
    else:
        region, note = _box(box, label, rows, columns)
    return Annotation(label=label, slice=number, box=region, study_level=study, note=note)


def _whole(text: str) -> int:
    """A whole number, also as "10.0", which other programs write for a column with empty fields; else ValueError."""
    whole, point, zeros = text.partition(".")
    if point and set(zeros) != {"0"}:
        raise ValueError(text)
    return int(whole)


def _box(fields: list[str], label: str, rows: int, columns: int | None) -> tuple[ROI | None, str]:
    """The box in stored-array coordinates, or None with the reason."""
    try:
        x, y, width, height = map(_whole, fields)
        box = Box(row=rows - y - height, column=x, height=height, width=width)
        box.check(rows, columns or x + width)
    except InputError:
        return None, f"its box (x {x}, y {y}, width {width}, height {height}) is empty or reaches outside the image"
    except ValueError:
        return None, f"its box ({', '.join(fields)}) is not four whole numbers"
    return ROI(shapes=(box,), label=label), ""
