"""The report of a study: one self-contained HTML file with methods, figures, all trials and the worst cases."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.guard import to_path
from ..ground.numbers import counted
from ..ground.writing import write
from ..io.images import check_suffix
from ..studies.exporting import check_finished
from ..studies.keeping import folder_of, worst_of
from ..studies.labels import least_paths
from ..studies.plan import Keep
from ..studies.remarks import cautions, failures, noted
from . import study_words
from .case_images import CaseImages
from .case_page import CasePage
from .report import SCRIPTS, SUFFIX, rendered

if TYPE_CHECKING:
    from polars import DataFrame

    from ..figures.studies.papers import Answer
    from ..figures.studies.result_table import Results
    from ..figures.studies.style import Drawn

MOST_ROWS = 20_000  # that the page holds
MOST_CASES = 24
_MOST_NOTES = 12
_HIDDEN = ("trial", "attempt", "code", "device", "plan")
_NO_CASES = "No case was saved with this study; ask for some by “keep: {worst: 3}” in its plan."
_NO_CASES_YET = "No case is saved yet: the worst are saved once all trials of the plan are finished."


@dataclass(frozen=True)
class _Embedded:
    """A figure as the page holds it."""

    name: str
    title: str
    words: str
    picture: str
    data: str


@dataclass(frozen=True)
class _Table:
    """The trials as the page shows them. same: columns whose value all of them share."""

    words: str
    same: Mapping[str, Any]
    content: Mapping[str, Any]


def write_study_report(
    trials: "DataFrame",
    path: str | Path,
    *,
    results: "Results | None" = None,
    figures: Sequence["Drawn"] = (),
    lacking: Mapping[str, str] | None = None,
    cases: Sequence[str | Path] = (),
    answer: "Answer | None" = None,
    planned: int | None = None,
    keep: Keep | None = None,
    changed: Sequence[str] = (),
    notes: Mapping[str, int] | None = None,
    provenance: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write the report of a study as a single HTML file, which works offline; returns its path.

    trials: the table of the study, a row for each trial. results: its means in tables. lacking: why other figures were
    not drawn, by their titles. cases: folders of cases, the worst first; the page has 24 of them, and says of how many.
    answer: to the paper whose plan was run. planned: how many trials the study has, finished or not, where that is
    known. keep: which cases its plan keeps. changed: what is no longer as it was when the trials were run, in
    sentences. notes: on its scans, each with the number of scans, as `studies.inventory.Inventory` has them; the page
    has the first 12. provenance: of each attempt, as `studies.store.Store.provenance` has it. Of a larger table the
    page has the 20,000 trials with the lowest SSIM of the region, and says so. Raises InputError for a table without
    trials, another suffix than .html, or a place that cannot be written; FileFormatError for a folder that is not a
    sound case.
    """
    path = to_path(path)
    check_suffix(path, (SUFFIX,))
    check_finished(trials)
    unfinished = max((planned or 0) - len(trials), 0)
    pages = [CasePage(CaseImages(case), number) for number, case in enumerate(cases[:MOST_CASES], 1)]
    about = _about(trials, [Path(case).name for case in cases], keep or Keep(), unfinished)
    trials = _with_least_paths(trials)
    page = rendered(
        "study.html",
        ("report.css", "study.css"),
        ("study.js", *(SCRIPTS if pages else ())),
        images=True,
        title=str(trials["plan"][0]),
        methods=study_words.methods(trials, unfinished, provenance or {}),
        results=results,
        figures=[_embedded(figure) for figure in figures],
        lacking=lacking or {},
        cautions=[
            *changed,
            *_lacking(len(trials), unfinished),
            *failures(trials),
            *cautions(trials),
            *_notes(noted(notes or {})),
        ],
        answer=answer,
        table=_table(trials),
        cases=pages,
        about_cases=about,
    )
    write(path, page.encode())
    return path


def _with_least_paths(trials: "DataFrame") -> "DataFrame":
    """The trials with as much of the paths of their scans as tells these apart: a page is given to others."""
    names = least_paths(trials["scan"])
    return trials.with_columns(trials[column].replace(names) for column in ("scan", "volume"))


def _lacking(finished: int, unfinished: int) -> list[str]:
    """That trials are missing from the report, if any are."""
    every = finished + unfinished
    return [f"{finished:,} of {every:,} trials are finished; the others are not in this report."] if unfinished else []


def _notes(lines: Sequence[str]) -> list[str]:
    """As many as the page has, and how many others there are."""
    more = len(lines) - _MOST_NOTES
    return [*lines[:_MOST_NOTES], *([f"and {counted(more, 'other note')} on scans."] if more > 0 else [])]


def _about(trials: "DataFrame", cases: Sequence[str], keep: Keep, unfinished: int) -> str:
    """What stands above the cases. cases: the names of their folders."""
    if not cases and not keep.worst:
        return _NO_CASES
    if not cases and unfinished:
        return _NO_CASES_YET
    worst = {folder_of(trial) for trial in worst_of(keep, trials)} if keep.worst and not unfinished else set[str]()
    if left := len(worst.difference(cases)):
        return f"{left} of the {len(worst)} worst cases could not be saved; run the study again, which saves them."
    if not cases:
        return f"No case is saved: no perturbed trial has a value of {keep.by}."
    return f"The worst {MOST_CASES} of {len(cases)} that are saved, the worst first." if len(cases) > MOST_CASES else ""


def _embedded(figure: "Drawn") -> _Embedded:
    picture, data = (base64.b64encode(path.read_bytes()).decode() for path in (figure.path, figure.data))
    return _Embedded(
        name=figure.path.stem,
        title=figure.title,
        words=figure.words,
        picture=f"data:image/svg+xml;base64,{picture}",
        data=f"data:text/csv;base64,{data}",
    )


def _table(trials: "DataFrame") -> _Table:
    words = f"{len(trials):,} trials; click a head to sort, type words to search."
    if len(trials) > MOST_ROWS:
        order = next(
            (name for name in ("ssim_region_perturbed", "ssim_region_clean") if name in trials.columns), "trial"
        )
        trials = trials.sort(order, nulls_last=True, maintain_order=True).head(MOST_ROWS)
        words = (
            f"The {MOST_ROWS:,} trials with the lowest {order} of all; the store of the study holds the others. {words}"
        )
    kept = [name for name in trials.columns if name not in _HIDDEN and trials[name].null_count() < len(trials)]
    if "method_label" in kept and trials["method_label"].equals(trials["method"]):
        kept.remove("method_label")
    same = [name for name in kept if trials[name].n_unique() == 1]
    columns = (
        sorted((name for name in kept if name not in same), key=lambda name: name.endswith(("knobs", "cautions")))
        or kept[:1]
    )
    rows = [[_cell(value) for value in row] for row in trials.select(columns).iter_rows()]
    return _Table(words, {name: trials[name][0] for name in same}, {"columns": columns, "rows": rows})


def _cell(value: Any) -> Any:
    """A JSON value; null for a number that is not finite."""
    return None if isinstance(value, float) and not isfinite(value) else value
