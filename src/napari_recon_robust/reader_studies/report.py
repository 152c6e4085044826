"""The analysis of a reader study as one HTML file and one table."""

import csv
import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..ground.errors import InputError
from ..ground.writing import write
from .analysis import Analysis, Finding
from .plan import Plan
from .questions import ForcedChoice, Lesion

COLUMNS = ("question", "measure", "arm", "value", "low", "high", "units", "unit", "p", "note")
_LEFT, _RIGHT = 330.0, 630.0  # of the figure's axis


def write_analysis(plan: Plan, analysis: Analysis, path: str | Path) -> Path:
    """Write an .html report, or a .csv with a line for each figure; InputError for another suffix."""
    path = Path(path)
    if path.suffix not in (".html", ".csv"):
        raise InputError(f"{path.name} has no known suffix; name it .html or .csv.")
    write(path, (page(plan, analysis) if path.suffix == ".html" else table(analysis)).encode())
    return path


def table(analysis: Analysis) -> str:
    """A line for each figure, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in analysis.findings:
        low, high = item.estimate.interval or ("", "")
        figures = (item.estimate.value, low, high, item.estimate.units)
        writer.writerow(
            [item.question, item.what, item.arm, *figures, item.units, "" if item.p is None else item.p, item.note]
        )
    return text.getvalue()


def page(plan: Plan, analysis: Analysis) -> str:
    """The report, with every text escaped."""
    from jinja2 import Environment, StrictUndefined

    template = files(__package__).joinpath("assets", "report.html").read_text(encoding="utf-8")
    asked = [(question.id, question.text) for question in plan.questions] + [("", "Times")]
    questions = []
    for id, text in asked:
        findings = [item for item in analysis.findings if item.question == id]
        if findings:
            questions.append({"text": text, "findings": findings, "forest": _forest(findings)})
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=plan.title, analysis=analysis, questions=questions, methods=methods(plan, analysis)
    )


def methods(plan: Plan, analysis: Analysis) -> list[str]:
    """Paragraphs for a paper's section on methods, with the settings of this study."""
    design, arms = plan.design, [arm.name for arm in plan.arms]
    patients = len({case.patient for case in plan.read})
    sitting = (
        f"one sitting for each arm, {design.washout_days:g} days apart"
        if design.sittings == "separate" and not plan.pairs
        else "one sitting, in which each case came once before any came back"
    )
    order = (
        "Both images of a case were shown side by side, and their sides were balanced within blocks of four."
        if plan.pairs
        else "The arms followed Williams squares over the cases."
    )
    found = [
        f"{design.readers} readers were to read {len(plan.read)} cases of {patients} patients in the arms "
        f"{', '.join(arms)} ({design.kind} design; {sitting}). The order was drawn for each reader and sitting. "
        f"{order} Readers did not know the arms; window and level came from the reference and were the same for all "
        f"arms of a case. {analysis.answers} answers were given, of which {analysis.cannot_judge} were “cannot judge”."
    ]
    said = [
        "Intervals are of 95% by Student's t, and the patient is their unit: a patient's answers are averaged first."
    ]
    if any(isinstance(question, Lesion) for question in plan.questions):
        said.append(
            "Areas under the ROC curve are empirical; they, sensitivity and specificity were compared by the method of "
            "Obuchowski and Rockette (1995) with the degrees of freedom of Hillis (2007), for random readers and "
            "cases, with covariances by the jackknife over patients."
        )
    if any(isinstance(question, ForcedChoice) for question in plan.questions):
        said.append("The rates of single readers have exact intervals (Clopper and Pearson 1934).")
    said.append(
        "Agreement between readers is ICC(2,1) (Shrout and Fleiss 1979) or Fleiss' kappa, that of repeated readings is "
        "Cohen's kappa with quadratic weights for scales, with a bootstrap over patients. p-values are not corrected "
        "for the number of questions."
    )
    found.append(" ".join(said))
    if plan.questionnaire:
        found.append(f"Questions: {plan.questionnaire}")
    return found


def _forest(findings: Sequence[Finding]) -> dict[str, Any] | None:
    """Where the differences of a question stand in its figure; None where it has none with an interval."""
    drawn = [item for item in findings if " − " in item.arm and item.estimate.interval is not None]
    if not drawn:
        return None
    ends = [end for item in drawn for end in item.estimate.interval or ()]
    low, high = min(0.0, *ends), max(0.0, *ends)
    low, high = low - 0.05 * (high - low or 1.0), high + 0.05 * (high - low or 1.0)

    def place(value: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low), 1)

    rows = [
        {
            "words": f"{item.what}: {item.arm}"[:48],
            "value": place(item.estimate.value),
            "low": place((item.estimate.interval or (0, 0))[0]),
            "high": place((item.estimate.interval or (0, 0))[1]),
        }
        for item in drawn
    ]
    return {"rows": rows, "zero": place(0.0)}
