"""The Excel format of RJafroc: the sheets Truth, FP and TP, for ratings (ROC) or marks (FROC).

Readers, arms and cases stand in it as numbers, which RJafroc demands, as it demands that there is no other sheet and
that each lesion has one rating. Columns of Truth beyond the six that RJafroc reads say whose the numbers are, with the
patient of each case; files without them are read with the numbers as names. In a split-plot design each row of Truth
says who read its case, in which modalities, with brackets around what is nested.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from ..ground.errors import FileFormatError, InputError, to_install
from ..ground.guard import check_packed, open_file, shown
from ..ground.writing import write
from .imrmc import assembled
from .marks import Mark, Marks
from .ratings import Ratings

_TRUTH = ("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm")
_FALSE = ("ReaderID", "ModalityID", "CaseID", "FP_Rating")
_TRUE = ("ReaderID", "ModalityID", "CaseID", "LesionID", "TP_Rating")
_NAMES = ("Case", "Patient", "Readers", "Modalities")
_MOST_ROWS = 2**20  # that a sheet of Excel has
_BETWEEN = " | "  # names of readers, or of modalities


def write_rjafroc(path: str | Path, data: Ratings | Marks) -> Path:
    """Write an .xlsx file. Raises InputError without openpyxl, or where a rating is missing."""
    marks, workbook = _marks(data), _openpyxl().Workbook()
    truth, false, true = workbook.active, *(workbook.create_sheet(name) for name in ("FP", "TP"))
    truth.title = "Truth"
    for sheet, header in ((truth, _TRUTH + _NAMES), (false, _FALSE), (true, _TRUE)):
        sheet.append(header)
    for row in _truths(data):
        truth.append(row)
    for mark in marks:
        place = (data.readers.index(mark.reader), data.arms.index(mark.arm), data.cases.index(mark.case) + 1)
        if mark.lesion:
            true.append((*place, mark.lesion, mark.rating))
        else:
            false.append((*place, mark.rating))
    content = io.BytesIO()
    workbook.save(content)
    write(Path(path), content.getvalue())
    return Path(path)


def read_rjafroc(path: str | Path) -> Ratings | Marks:
    """Open such a file: ratings where its paradigm is ROC, marks where it is FROC.

    Files of the older form, without the paradigm, hold marks unless each case has one rating of each reader. Raises
    InputError without openpyxl, FileFormatError for a file that is not of this form.
    """
    path, openpyxl = Path(path), _openpyxl()
    damaged = (OSError, LookupError, ValueError, TypeError, AttributeError, BadZipFile, SyntaxError)
    try:
        with open_file(path) as file, ZipFile(file) as archive:
            check_packed(archive, shown(path), file.seek(0, 2))
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheets = {sheet.title.upper(): _rows(sheet) for sheet in workbook}
        return _Read(path.name, sheets).data()
    except (*damaged, openpyxl.utils.exceptions.InvalidFileException):
        raise FileFormatError(f"{path.name} is no Excel file of RJafroc, with the sheets Truth, FP and TP.") from None


def _openpyxl() -> Any:
    try:
        import openpyxl
    except ImportError:
        raise InputError(f"Excel files need openpyxl; {to_install('review')}.") from None
    return openpyxl


def _rows(sheet: Any) -> list[tuple[Any, ...]]:
    """The rows that hold anything, as wide as a sheet of RJafroc is, whatever size the sheet says that it has."""
    rows = sheet.iter_rows(max_row=_MOST_ROWS, max_col=len(_TRUTH + _NAMES), values_only=True)
    return [row for row in rows if row.count(None) < len(row)]


def _truths(data: Ratings | Marks) -> Iterable[tuple[Any, ...]]:
    """A row for each lesion, and one for each case without.

    The first two say what kind of study it is, the first one also what readers and modalities are called.
    """
    readers, arms = (", ".join(str(number) for number in range(len(some))) for some in (data.readers, data.arms))
    kind = iter(("ROC" if isinstance(data, Ratings) else "FROC", "FCTRL"))
    several = iter((_BETWEEN.join(data.readers), _BETWEEN.join(data.arms)))
    weights = tuple((1.0,) if one else () for one in data.truth) if isinstance(data, Ratings) else data.lesions
    for case, of_case in enumerate(weights, 1):
        names = data.cases[case - 1], data.patients[case - 1]
        for lesion, weight in enumerate(of_case, 1) if of_case else ((0, 0.0),):
            yield case, lesion, weight, readers, arms, next(kind, None), *names, *several


def _marks(data: Ratings | Marks) -> Iterable[Mark]:
    """All ratings as marks; of several marks on one lesion the highest, which is the one that counts."""
    missing = bool(data.unread) if isinstance(data, Marks) else bool(np.isnan(data.values).any())
    if missing:
        raise InputError(
            "RJafroc's crossed design needs each reader's answer to each case in each arm, and some are missing; "
            "write .csv."
        )
    if isinstance(data, Marks):
        highest = {mark[:4]: mark for mark in sorted(data.marks, key=lambda mark: mark.rating)}
        return [mark for mark in data.marks if not mark.lesion or mark is highest[mark[:4]]]
    return [
        Mark(data.arms[arm], data.readers[reader], data.cases[case], int(data.truth[case]), float(value))
        for (arm, reader, case), value in np.ndenumerate(data.values)
    ]


class _Read:
    """What the sheets of a file hold, with the names of sheet Names in the place of numbers."""

    def __init__(self, name: str, sheets: dict[str, list[tuple[Any, ...]]]) -> None:
        self.file = name
        header, *truth = sheets["TRUTH"]
        self._names = _names(truth) if header[len(_TRUTH) : len(_TRUTH + _NAMES)] == _NAMES else {}
        self.paradigm = {str(row[5]).upper() for row in truth if len(row) > 5 and row[5]}
        self.weights: dict[str, dict[int, float]] = {}
        self.patients: dict[str, str] = {}
        self._add_cases(truth)
        false = sheets["FP"] if "FP" in sheets else sheets["NL"]
        true = sheets["TP"] if "TP" in sheets else sheets["LL"]
        self.marks = [self._mark(row, 0, row[3]) for row in false[1:] if row[0] is not None]
        self.marks += [self._mark(row, int(row[3]), row[4]) for row in true[1:] if row[0] is not None]
        if unknown := [mark.case for mark in self.marks if mark.case not in self.weights]:
            raise FileFormatError(f"{name} does not say the truth of case {unknown[0]}.")
        # older files don't say who read; then it is whoever has made a mark
        self.readers = self._listed(truth, 3, "reader") or tuple(dict.fromkeys(mark.reader for mark in self.marks))
        self.arms = self._listed(truth, 4, "modality") or tuple(dict.fromkeys(mark.arm for mark in self.marks))
        self.read = self._readings(truth)
        if wrong := [mark for mark in self.marks if mark[:3] not in self.read]:
            arm, reader, case, *_ = wrong[0]
            raise FileFormatError(
                f"{name} has a mark by reader {reader} on case {case} in modality {arm}, and its sheet Truth does not "
                "say that this was read; mend either."
            )

    def _add_cases(self, truth: Sequence[tuple[Any, ...]]) -> None:
        """The patient of each case and the weights of its lesions, from the rows of the sheet Truth."""
        for row in truth:
            if row[0] is None:
                continue
            case = self._name("case", row[0])
            of_case = self.weights.setdefault(case, {})  # of which another modality may have another row
            if lesion := int(row[1]):
                of_case[lesion] = float(row[2] or 0)
            self.patients[case] = str(row[7]) if self._names else case

    def data(self) -> Ratings | Marks:
        """Ratings or marks, by the paradigm; in older files ratings where each case has just one of each reader."""
        places = {mark[:3] for mark in self.marks}
        whole = len(self.marks) == len(places) == len(self.arms) * len(self.readers) * len(self.weights)
        right = all(bool(mark.lesion) == bool(self.weights[mark.case]) for mark in self.marks)
        if "ROC" in self.paradigm or (not self.paradigm and whole and right):
            return self._ratings()
        lesions = [tuple(one or 1 / len(of_case) for one in of_case.values()) for of_case in self.weights.values()]
        pairs = set(product(self.readers, self.weights))
        unread = frozenset(pair for pair in pairs if not all((arm, *pair) in self.read for arm in self.arms))
        if unread and unread == pairs:
            raise FileFormatError(f"in {self.file} nobody read a case in all modalities; they cannot be compared.")
        marks = tuple(mark for mark in self.marks if mark[1:3] not in unread)
        patients = tuple(self.patients.values())
        return Marks(self.arms, self.readers, tuple(self.weights), patients, tuple(lesions), marks, unread)

    def _ratings(self) -> Ratings:
        truths = [(case, float(bool(of_case))) for case, of_case in self.weights.items()]
        found = assembled(self.file, truths, [(mark.reader, mark.case, mark.arm, mark.rating) for mark in self.marks])
        return replace(found, patients=tuple(self.patients[case] for case in found.cases))

    def _name(self, kind: str, number: Any) -> str:
        return self._names.get((kind, _text(number)), _text(number))

    def _mark(self, row: Sequence[Any], lesion: int, rating: Any) -> Mark:
        reader, arm, case = (self._name(kind, row[at]) for at, kind in enumerate(("reader", "modality", "case")))
        return Mark(arm, reader, case, lesion, float(rating))

    def _listed(self, truth: Sequence[Sequence[Any]], column: int, kind: str) -> tuple[str, ...]:
        """The readers or modalities that these rows of the sheet Truth name."""
        cells = dict.fromkeys(row[column] for row in truth if len(row) > column and row[column] is not None)
        return tuple(dict.fromkeys(self._name(kind, number) for cell in cells for number in _parted(cell)))

    def _readings(self, truth: Sequence[Sequence[Any]]) -> set[tuple[str, str, str]]:
        """The arm, reader and case of each reading; where a row names none, all read its case."""
        found: set[tuple[str, str, str]] = set()
        for row in truth:
            if row[0] is not None:
                readers, arms = self._listed([row], 3, "reader"), self._listed([row], 4, "modality")
                found |= set(product(arms or self.arms, readers or self.readers, [self._name("case", row[0])]))
        return found


def _names(truth: Sequence[tuple[Any, ...]]) -> dict[tuple[str, str], str]:
    """What the cases, readers and modalities are called that stand as numbers in the sheet Truth."""
    found = {("case", _text(row[0])): str(row[6]) for row in truth if row[0] is not None}
    for kind, column in (("reader", 3), ("modality", 4)):
        numbers, names = _parted(truth[0][column]), str(truth[0][column + 5]).split(_BETWEEN)
        found |= {(kind, number): name for number, name in zip(numbers, names, strict=True)}
    return found


def _parted(cell: Any) -> list[str]:
    text = _text(cell).strip()
    if text.startswith("("):  # RJafroc's sign for a nested factor, of which the other sheets know nothing
        text = text.replace("(", "").replace(")", "")
    return [part.strip() for part in text.split(",")]


def _text(number: Any) -> str:
    """A number as text: Excel keeps whole ones as floats at times."""
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)
