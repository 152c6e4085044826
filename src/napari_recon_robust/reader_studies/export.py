"""The answers as tables that other programs read."""

import csv
import io
from typing import Any

from ..ground.errors import InputError
from .answers import COMMENT, Answers
from .order import Presentation
from .questions import CANNOT_JUDGE, Lesion, Likert, Question, Structures

COLUMNS = (
    "reader", "sitting", "number", "case", "patient", "arm", "other_arm", "purpose", "question", "answer", "score",
    "lesion", "cannot_judge", "revision", "comment", "seconds", "hidden_seconds", "low", "high", "zoom", "mode",
    "smooth", "utc",
)  # fmt: skip


def long_table(answers: Answers, key: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each answer, its last revision, with the arm and the case that the key names.

    score: a number where more is better, or surer of a lesion; for a forced choice 1 if the plan's first arm was
    chosen, else 0. arm: of the image, or the left one of two; other_arm: the right one. seconds: from the first sight
    to the answer, less the time in which the page was hidden; this is no time of diagnosis.
    """
    presentations = {one["id"]: Presentation(**{**one, "arms": tuple(one["arms"])}) for one in key["presentations"]}
    cases = {case["id"]: case for case in key["plan"]["cases"]}
    first = key["plan"]["arms"][0]["name"]
    rows = answers.rows()
    comments = {row["presentation"]: row["value"]["text"] for row in rows if row["question"] == COMMENT}
    found = []
    for row in rows:
        if row["question"] == COMMENT:
            continue
        shown = presentations[row["presentation"]]
        case, context = cases[shown.case], row["context"]
        found.append(
            {
                "reader": row["reader"],
                "sitting": shown.sitting + 1,
                "number": shown.number + 1,
                "case": shown.case,
                "patient": case["patient"],
                "arm": shown.arms[0],
                "other_arm": shown.arms[1] if len(shown.arms) > 1 else "",
                "purpose": shown.purpose,
                "question": row["question"],
                "answer": _words(row["value"]),
                "score": _score(answers.bundle.questions[row["question"]], row["value"], shown, first),
                "lesion": case["lesion"],
                "cannot_judge": CANNOT_JUDGE in row["value"],
                "revision": row["revision"],
                "comment": comments.get(row["presentation"], ""),
                "seconds": _seconds(context),
                "hidden_seconds": context.get("hidden", 0.0) / 1000,
                **{name: context.get(name) for name in ("low", "high", "zoom", "mode", "smooth")},
                "utc": row["utc"],
            }
        )
    return sorted(found, key=lambda row: (row["reader"], row["sitting"], row["number"], row["question"]))


def to_csv(rows: list[dict[str, Any]]) -> str:
    """The table as CSV; text that a spreadsheet would take for a formula is quoted by an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row[name]) for name in COLUMNS})
    return text.getvalue()


def to_imrmc(rows: list[dict[str, Any]], question: str) -> str:
    """The scores of a question about lesions in the format of iMRMC; InputError where a truth is not known."""
    chosen = [row for row in rows if row["question"] == question and row["purpose"] == "reading"]
    chosen = [row for row in chosen if row["score"] is not None]
    if not chosen or any(row["lesion"] is None for row in chosen):
        raise InputError(f"{question} has no answers to cases whose truth is known; iMRMC needs the truth of each.")
    truths = {row["case"]: int(row["lesion"]) for row in chosen}
    lines = [f"-1,{case},truth,{truth}" for case, truth in truths.items()]
    lines += [f"{row['reader']},{row['case']},{row['arm']},{row['score']:g}" for row in chosen]
    return "\n".join(["BEGIN DATA:", *lines, ""])


def _words(answer: dict[str, Any]) -> str:
    if CANNOT_JUDGE in answer:
        return "cannot judge"
    return "; ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in answer.items()
    )


def _score(question: Question, answer: dict[str, Any], shown: Presentation, first: str) -> float | None:
    if isinstance(question, Likert | Lesion | Structures):
        return question.score(answer)
    return None if "choice" not in answer else float(shown.arms[answer["choice"]] == first)


def _seconds(context: dict[str, Any]) -> float | None:
    if "shown" not in context or "answered" not in context:
        return None
    return max((context["answered"] - context["shown"] - context.get("hidden", 0.0)) / 1000, 0.0)


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return f"'{value}"
    return "" if value is None else value
