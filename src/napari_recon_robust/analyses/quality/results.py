"""One figure of a comparison for each method on each case, kept in a CSV file that an interrupted run goes on from."""

import csv
import math
import os
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ...ground.errors import FileFormatError
from ...ground.guard import opening, read
from ...ground.specification import Specification
from ...ground.table import csv_lines, quoted, unquoted
from ...ground.writing import append, write

NAN = math.nan
WHOLE = -1  # in place of a slice's number
DIGITS = 12  # of a SHA-256, by which scans are told apart
_LARGEST = 2**28  # bytes of a table
_Case = tuple[str, str, str, float]  # input, method, pattern, acceleration


class MethodResult(Specification):
    """One row of the file. Metrics are of the foreground; those of the whole image end in `_image`.

    Of a whole volume (slice -1) metrics are as `volumes` says, without any of the image.

    scan: the first 12 digits of the SHA-256 of its file. acceleration: nominal; effective: the points that a full scan
    measures over the sampled ones. seconds: of the reconstruction, and of the choice of knobs by "auto"; coil
    sensitivities are estimated before, for all methods. knobs: as JSON. input: SHA-256 of the case. made_with: SHA-256
    of versions, this package's code, weights and the wanted knobs. error: a sentence, where the method failed. caution:
    why the method's image is doubted; scan_caution: why those of all methods are.
    """

    group: str
    scan: str
    slice: int
    pattern: str
    acceleration: float
    effective: float
    seed: str
    method: str
    ssim: float = NAN
    psnr: float = NAN
    nmse: float = NAN
    ssim_image: float = NAN
    psnr_image: float = NAN
    nmse_image: float = NAN
    seconds: float = NAN
    knobs: str = "{}"
    error: str = ""
    caution: str = ""
    scan_caution: str = ""
    input: str = ""
    made_with: str = ""


COLUMNS = tuple(MethodResult.model_fields)
_FORMER_COLUMNS = tuple(name for name in COLUMNS if "caution" not in name)  # of the version before, for one release


class Results:
    """The results so far; a group has those of a method on the same samples once, also where two seeds give one mask.

    file: where they are kept, line by line as they come; None keeps them in memory.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self._found: dict[_Case, dict[str, MethodResult]] = {}  # of each group
        if file is not None and os.path.lexists(file):
            for result in _read(file):
                self._keep(result)
            self.save(file)  # without a line that a kill cut off

    def __iter__(self) -> Iterator[MethodResult]:
        return (result for groups in self._found.values() for result in groups.values())

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def reused(self, result: MethodResult) -> bool:
        """Whether there is one already, made with the same; it then is in the given group too, under the given slice.

        Other groups that have it, of this run or of earlier ones, keep it.
        """
        groups = self._found.get(_case(result), {})
        for group in sorted(groups, key=lambda group: group != result.group):
            old = groups[group]
            if not old.error and old.made_with == result.made_with:
                places = {name: getattr(result, name) for name in ("group", "scan", "slice", "seed")}
                self._keep(old.model_copy(update=places))
                return True
        return False

    def add(self, result: MethodResult) -> None:
        """Keep it, in the file too; WritingError if the file cannot be written."""
        self._keep(result)
        if self.file is None:
            return
        if os.path.lexists(self.file):
            append(self.file, csv_lines([_values(result)]))
        else:
            self.save(self.file)

    def save(self, file: Path) -> None:
        """Write all of them to a file; WritingError if that fails."""
        write(file, csv_lines([COLUMNS, *map(_values, self)]).encode())

    def _keep(self, result: MethodResult) -> None:
        self._found.setdefault(_case(result), {})[result.group] = result


def _case(result: MethodResult) -> _Case:
    return result.input, result.method, result.pattern, result.acceleration


def _values(result: MethodResult) -> list[str]:
    values = (getattr(result, name) for name in COLUMNS)
    return [quoted(value) if isinstance(value, str) else "" if value != value else str(value) for value in values]


def _read(path: Path) -> Iterable[MethodResult]:
    with opening(path, "a table of results", "give another folder"):
        lines = list(csv.reader(StringIO(read(path, _LARGEST).decode("utf-8"), newline="")))
    columns = tuple(lines[0]) if lines else ()
    if columns not in (COLUMNS, _FORMER_COLUMNS):
        raise FileFormatError(f"{path.name} in that folder has other columns than a comparison; give another folder.")
    for line in lines[1:]:
        values: dict[str, Any] = dict(zip(columns, map(unquoted, line), strict=False))
        if len(line) == len(columns) and values["made_with"]:
            if len(values["scan"]) != DIGITS:
                raise FileFormatError(
                    f"{path.name} in that folder numbers its scans, as the version before did, so that others could "
                    "not be told from them; give another folder."
                )
            with opening(path, "a table of results", "give another folder"):
                result = MethodResult(**{name: value for name, value in values.items() if value})
            yield result
