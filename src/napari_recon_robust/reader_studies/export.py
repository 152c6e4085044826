"""The answers as a long table, written as CSV and read back."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..ground.errors import FileFormatError, one_line
from ..ground.guard import read
from ..ground.numbers import counted
from ..ground.table import csv_lines, csv_reader, quoted, unquoted
from .answers import Answers, displays_of
from .bundle import Shown, pixel_of
from .order import Presentation
from .plan import ReadingCase
from .questions import CANNOT_JUDGE, COMMENT, Question, asks_place

COLUMNS = (
    "reader", "sitting", "number", "case", "patient", "arm", "arms", "purpose", "question", "answer", "score",
    "lesion", "lesions", "hit", "cannot_judge", "revision", "comment", "seconds", "hidden_seconds", "revision_seconds",
    "low", "high", "zoom", "mode", "smooth", "slices", "slice", "slices_seen", "utc",
)  # fmt: skip
_NUMBERS = {"score", "seconds", "hidden_seconds", "revision_seconds", "low", "high", "zoom"}
_COUNTS = {"sitting", "number", "lesions", "revision", "slices", "slice", "slices_seen"}
_TRUTHS = {"lesion", "hit", "cannot_judge", "smooth"}
_BETWEEN = " | "  # names of arms, which have none of these


def long_table(answers: Answers, key: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each answer, its last revision, with the arm and the case that the key names.

    score: a number where more is better, or surer of a lesion; for a forced choice 1 if the plan's first arm was
    chosen, else 0; for a ranking the share of the other arms that come after the first. arms: of the images that were
    shown, from left to right; arm: the first of them. answer: as it was given; a mark has the number of the case's
    lesion that it is on, 0 for none, and those outside of the square in which to look are left out, since they do not
    count: `outside` says how many. lesion: whether there is one, lesions: of how many the place is known, hit:
    whether a lesion that was seen was clicked at such a place. seconds: from the first sight to the first answer, less
    the time in which the page was hidden (hidden_seconds); this is no time of diagnosis. revision_seconds: of all
    revisions together, None without one. slices: of the case; where it has several, slice: the one at the answer,
    counted from 0, and slices_seen: how many were shown before it.
    """
    presentations = {one["id"]: Presentation(**{**one, "arms": tuple(one["arms"])}) for one in key["presentations"]}
    cases = {case["id"]: case for case in key["plan"]["cases"]}
    first = key["plan"]["arms"][0]["name"]
    rows = answers.rows()
    comments = {row["presentation"]: row["value"]["text"] for row in rows if row["question"] == COMMENT}
    places: dict[str, _Places] = {}
    found = []
    for row in rows:
        if row["question"] == COMMENT:
            continue
        shown = presentations[row["presentation"]]
        case, context, first_time = cases[shown.case], row["context"], row["contexts"][0]
        revising = [seconds for again in row["contexts"][1:] if (seconds := _seconds(again)) is not None]
        told = answers.bundle.by_id[shown.id]
        if shown.case not in places:
            places[shown.case] = _Places(case, told)
        answer = places[shown.case].marked(_counted(row["value"]))
        question = answers.bundle.questions[row["question"]]
        found.append(
            {
                "reader": row["reader"],
                "sitting": shown.sitting + 1,
                "number": shown.number + 1,
                "case": shown.case,
                "patient": case["patient"],
                "arm": shown.arms[0],
                "arms": shown.arms,
                "purpose": shown.purpose,
                "question": row["question"],
                "answer": answer,
                "score": _score(question, answer, shown, first),
                "lesion": case["lesion"],
                "lesions": places[shown.case].count,
                "hit": places[shown.case].hit(row["value"]) if asks_place(question) else None,
                "cannot_judge": CANNOT_JUDGE in row["value"],
                "revision": row["revision"],
                "comment": comments.get(row["presentation"], ""),
                "seconds": _seconds(first_time),
                "hidden_seconds": first_time.get("hidden", 0.0) / 1000,
                "revision_seconds": sum(revising) if revising else None,
                **{name: context.get(name) for name in ("low", "high", "zoom", "mode", "smooth", "slice")},
                "slices": told.slices,
                "slices_seen": sum(time > 0 for time in context["seen"]) if "seen" in context else None,
                "utc": row["utc"],
            }
        )
    return sorted(found, key=lambda row: (row["reader"], row["sitting"], row["number"], row["question"]))


def left_out(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many marks of rows of `long_table` do not count, in words; "" where all do."""
    count = sum(row["answer"].get("outside", 0) for row in rows)
    return f"Left out: {counted(count, 'mark')} outside of the square in which to look." if count else ""


def unread(answers: Answers) -> str:
    """Who has presentations left to read, in words; "" where all is read."""
    last = answers.bundle.study.steps[-1][0].id
    done = Counter(row["reader"] for row in answers.rows() if row["question"] == last)
    totals = {reader: len(answers.bundle.of_reader(reader)) for reader in answers.bundle.readers}
    left = [f"{reader} {done[reader]} of {total}" for reader, total in totals.items() if done[reader] < total]
    if not left:
        return ""
    return (
        f"Reading is not complete; presentations read: {', '.join(left)}. If these figures decide whether reading goes "
        "on, their intervals and p-values no longer hold."
    )


def displays(answers: Answers) -> list[str]:
    """What each reader found in the check of the display of each sitting, a line each; it tells nothing of the arms."""
    found = [(*row[:2], ", ".join(filter(None, map(_found, row[2].items())))) for row in displays_of(answers)]
    return [
        one_line(f"{reader}, display of sitting {sitting + 1}: {words}") for reader, sitting, words in found if words
    ]


def _found(finding: tuple[str, Any]) -> str:
    name, value = finding[0], str(finding[1])
    seen = {"True": "seen", "False": "not seen"}.get(value)  # of what was to be ticked
    return f"{name} {seen or value}" if value else ""


def to_csv(rows: list[dict[str, Any]]) -> str:
    """The table as CSV; text that a spreadsheet would take for a formula is quoted by an apostrophe."""
    return csv_lines([COLUMNS, *([_cell(row[name]) for name in COLUMNS] for row in rows)])


def read_csv(path: str | Path) -> list[dict[str, Any]]:
    """The rows that `to_csv` wrote, also once a spreadsheet has saved them; FileFormatError for no such table."""
    path = Path(path)
    content = read(path)
    try:
        table = csv_reader(content.decode("utf-8-sig"), newline=None, skipinitialspace=False)
        lines = list(table)
        if set(lines[0] if lines else table.fieldnames or ()) != set(COLUMNS):
            raise ValueError
        if not lines:
            raise FileFormatError(f"{path.name} holds no answer; nothing was read before it was exported.")
        rows = [{name: _value(name, line[name]) for name in COLUMNS} for line in lines]
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error, RecursionError):
        raise FileFormatError(
            f"{path.name} is no table of answers; `recon-robust review export` writes one as .csv."
        ) from None
    told = ("reader", "question", "case", "arms", "purpose")
    counts = Counter(tuple(row[name] for name in told) for row in rows)
    (reader, question, case, arms, _), most = counts.most_common(1)[0]
    if most > 1:
        shown = _BETWEEN.join(arms)
        raise FileFormatError(
            f"{path.name} has {most} answers by {reader} to {question} of {case} in {shown}; leave one."
        )
    return rows


class _Places:
    """Where the lesions of one case are, and where its marks count."""

    def __init__(self, case: Mapping[str, Any], shown: Shown) -> None:
        places = ReadingCase.model_validate(case).places
        matrix, self._counts = (shown.rows, shown.columns), shown.counts
        self._masks = [{at: region.mask(matrix).numpy() for at, region in place.items()} for place in places]

    @property
    def count(self) -> int:
        return len(self._masks)

    def marked(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer, in which each mark of a free response that counts names the lesion that it is on."""
        if "marks" not in answer:
            return answer
        inside = [{**mark, "lesion": self._lesion(mark)} for mark in answer["marks"] if self._counts(mark)]
        outside = len(answer["marks"]) - len(inside)
        return {"marks": inside} | ({"outside": outside} if outside else {})

    def hit(self, answer: Mapping[str, Any]) -> bool | None:
        """Whether a lesion was seen, and clicked at its place; None where no place is known."""
        if not self._masks or "seen" not in answer:
            return None
        return answer["seen"] == "yes" and self._lesion(answer) > 0

    def _lesion(self, mark: Mapping[str, Any]) -> int:
        """The number of the lesion whose pixels the mark is on, from 1; 0 for none. Without a slice it is the first."""
        row, column = pixel_of(mark)
        for number, masks in enumerate(self._masks, 1):
            mask = masks.get(mark.get("slice", 0))
            if mask is not None and 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and mask[row, column]:
                return number
        return 0


def _counted(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, whose choice counts an image, also where an earlier version stored 1.0."""
    return {**answer, "choice": int(answer["choice"])} if "choice" in answer else answer


def _score(question: Question, answer: dict[str, Any], shown: Presentation, first: str) -> float | None:
    if "choice" in answer:
        return float(shown.arms[answer["choice"]] == first)
    if "order" in answer:
        after = len(shown.arms) - 1 - [shown.arms[place] for place in answer["order"]].index(first)
        return after / (len(shown.arms) - 1)
    return question.score(answer)


def _seconds(context: dict[str, Any]) -> float | None:
    if "shown" not in context or "answered" not in context:
        return None
    return max((context["answered"] - context["shown"] - context.get("hidden", 0.0)) / 1000, 0.0)


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, tuple):
        value = _BETWEEN.join(value)
    if isinstance(value, str):
        return quoted(value)
    return "" if value is None else value


def _value(name: str, text: str) -> Any:
    if name == "answer":
        return dict(json.loads(text))
    if name == "arms":
        return tuple(unquoted(text).split(_BETWEEN))
    if name in _NUMBERS | _COUNTS:
        return (int if name in _COUNTS else float)(text.replace(",", ".")) if text else None
    if name in _TRUTHS:
        return {"true": True, "false": False, "": None}[text.lower()]  # spreadsheets write them in capitals
    return unquoted(text)
