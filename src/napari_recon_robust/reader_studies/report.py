"""The analysis of a reader study as one HTML file and one table."""

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from ..ground.errors import InputError
from ..ground.numbers import counted
from ..ground.table import csv_lines, quoted
from ..ground.writing import write
from .analysis import Analysis
from .figures import chart, forests
from .plan import Plan

COLUMNS = ("question", "measure", "arm", "value", "low", "high", "units", "unit", "over", "p", "note")


def check_suffix(path: Path) -> None:
    """Raise InputError for a file that `write_analysis` does not write."""
    if path.suffix not in (".html", ".csv"):
        raise InputError(f"{path.name} has no known suffix; name it .html or .csv.")


def write_analysis(
    plan: Plan, analysis: Analysis, path: str | Path, log: str = "", displays: Sequence[str] = ()
) -> Path:
    """Write an .html report, or a .csv with a line for each figure; InputError for another suffix.

    log: where the log of the answers ends, in words; the report says it. displays: what their checks found, a line
    each, for the report.
    """
    path = Path(path)
    check_suffix(path)
    write(path, (page(plan, analysis, log, displays) if path.suffix == ".html" else table(analysis)).encode())
    return path


def table(analysis: Analysis) -> str:
    """A line for each figure, as CSV."""
    rows: list[Sequence[object]] = [COLUMNS]
    for item in analysis.findings:
        low, high = item.estimate.interval or ("", "")
        figures = (item.estimate.value, low, high, item.estimate.units)
        p = "" if item.p is None else item.p
        unit = item.rests_on.partition(" ")[2]
        texts = item.question, item.what, item.arm, unit, item.holds_over, item.note
        question, what, arm, unit, over, note = map(quoted, texts)
        rows.append([question, what, arm, *figures, unit, over, p, note])
    return csv_lines(rows)


def page(plan: Plan, analysis: Analysis, log: str = "", displays: Sequence[str] = ()) -> str:
    """The report, with every text escaped; see `write_analysis`."""
    from jinja2 import Environment, StrictUndefined

    template = files(__package__).joinpath("assets", "report.html").read_text(encoding="utf-8")
    asked = [(question.id, question.text) for question in plan.questions] + [("", "Times")]
    questions = []
    for id, text in asked:
        findings = [item for item in analysis.findings if item.question == id]
        if findings:
            drawn = [chart(curve) for curve in analysis.curves if curve.question == id]
            questions.append({"text": text, "findings": findings, "forests": forests(findings), "charts": drawn})
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=plan.title,
        analysis=analysis,
        questions=questions,
        methods=methods(plan, analysis),
        log=log,
        displays=displays,
    )


def methods(plan: Plan, analysis: Analysis) -> list[str]:
    """Paragraphs for a paper's section on methods, with the settings of this study."""
    design, arms = plan.design, [arm.name for arm in plan.arms]
    patients = len({case.patient for case in plan.read})
    sitting = (
        f"one sitting for each arm, {design.washout_days:g} days apart"
        if design.sittings == "separate" and not plan.at_once
        else "one sitting, in which each case came once before any came back"
    )
    order = (
        "All arms of a case were shown side by side, each equally often at each position within blocks."
        if plan.at_once
        else "The arms followed Williams squares over the cases."
    )
    found = [
        f"{counted(len(plan.read), 'case')} of {counted(patients, 'patient')} in the arms {', '.join(arms)} were to be "
        f"read by {counted(design.readers, 'reader')} ({design.kind} design; {sitting}). "
        f"The order was drawn for each reader and sitting. {order} "
        "Readers did not know the arms; window and level came from the reference, or from all arms together where it "
        "was not known or was an arm, and were the same for all arms of a case. "
        f"{analysis.readers} of them gave {counted(analysis.answers, 'answer')}, of which {analysis.cannot_judge} were "
        "“cannot judge”."
    ]
    if any(question.needs_truth for question in plan.questions):
        found.append(f"Reference standard: {_reference_standard(plan)}.")
    kinds = {question.kind for question in plan.questions}
    said = [text for needed, text in _METHODS if needed is None or needed & kinds]
    found.append(" ".join(said))
    if plan.questionnaire:
        found.append(f"Questions: {plan.questionnaire}")
    return found


def _reference_standard(plan: Plan) -> str:
    """How many cases have a lesion and how many none, and by whom that is known."""
    counts = Counter[tuple[bool | None, str]](
        (case.lesion, "" if case.lesion is None else case.source) for case in plan.read
    )
    kinds = {True: "with a lesion", False: "without one", None: "whose truth is not known"}
    return ", ".join(
        f"{counted(counts[lesion, source], 'case')} {words}{_SOURCES[source]}"
        for lesion, words in kinds.items()
        for source in _SOURCES
        if counts[lesion, source]
    )


_SOURCES = {
    "": "",
    "simulation": " by simulation",
    "fastmri+": " by the annotations of fastMRI+",
    "panel": " by a panel",
    "unknown": " by a source that the plan does not name",
}

# What was done, for the kinds of question that it was done for, or for all.
_METHODS: tuple[tuple[set[str] | None, str], ...] = (
    (
        None,
        "Intervals are of 95%, and the patient is their unit: a reader's answers of one patient are averaged first, "
        "or a patient's answers are left out together. Each interval and test says what it is taken over: “readers "
        "and patients”, so that it holds for readers and patients like these; “patients; readers fixed”, for patients "
        "like these and just these readers; or one reader alone. Means and shares over readers and patients have the "
        "variance of Obuchowski and Rockette (1995) for a single test, with Satterthwaite's degrees of freedom (1946) "
        "and Student's t; readers of fewer than three patients are left out. Shares of answers have the exact "
        "interval of Clopper and Pearson (1934) for as many independent answers as would have the same standard error "
        "(Korn and Graubard 1998), and end no nearer to 0 or 1 than if all patients had one and the same answer. Where "
        "nothing else varies there is no interval.",
    ),
    (
        {"likert", "structures"},
        "Scores were compared within reader and case, with the test that belongs to the interval, of a single reader "
        "by Wilcoxon's signed rank test over patients, and by the area under the visual grading curve (Båth and "
        "Månsson 2007), averaged over readers, with the jackknife over patients and "
        "the same variance and degrees of freedom as means.",
    ),
    (
        {"likert", "structures", "lesion"},
        "Interchangeability is told by the individual equivalence index (Obuchowski, Subhas and Schoenhagen 2014): how "
        "much more often two readers disagree if one of them has the new arm in place of the old, over patients with "
        "the readers fixed. Its interval is Gaffke's for the mean of bounded values (2005), which has a "
        "width even where all patients are alike.",
    ),
    (
        {"lesion", "free-response"},
        "Areas under the ROC curve are empirical; they, sensitivity and specificity were compared by the method of "
        "Obuchowski and Rockette (1995) with the degrees of freedom of Hillis (2007), for random readers and cases, "
        "with covariances by the jackknife over patients; the intervals of single arms' areas are drawn on the scale "
        "of log odds (Pepe 2003), and their sensitivity and specificity have those of shares of answers. Readings that "
        "are not of all arms were left out, and each reader's figures are of the cases that this reader read. A single "
        "reader's arms were compared by the normal distribution for this reader alone (DeLong et al. 1988). Where "
        "figures rest on fewer than 30 patients of a kind, readers count as varying at least by their own errors, the "
        "covariances of n patients have n − 1 degrees of freedom (Satterthwaite 1946), and Student's t takes the place "
        "of the normal distribution.",
    ),
    (
        {"free-response"},
        "Marks inside a lesion localise it and all others are false; the figure of merit is the area under the "
        "weighted alternative free-response curve (Chakraborty and Zhai 2016), in which each lesion of a case counts "
        "the same, compared in the same way.",
    ),
    (
        {"forced-choice"},
        "The rates of single readers have exact intervals where each patient was seen once. The sensitivity d' is that "
        "of signal detection (Macmillan and Creelman 2004; for more than two alternatives Hacker and Ratcliff 1979); a "
        "preference for a position is tested by Fisher's exact test or, over patients, by Hotelling's, or by the sign "
        "test where all patients prefer it alike.",
    ),
    (
        {"ranking"},
        "Ranks were tested by Friedman's test (1937) over patients with the readers fixed; the agreement of "
        "the readers of a case is Kendall's W (Kendall and Babington Smith 1939).",
    ),
    (
        {"likert", "structures", "lesion", "free-response", "forced-choice"},
        "Agreement between readers is ICC(2,1) (Shrout and Fleiss 1979) or Fleiss' kappa (1971), with a jackknife "
        "over patients on the scale of Fisher's z, but for ICC where each case is of another patient. That of repeated "
        "readings is each reader's own Cohen's kappa with the same jackknife, with quadratic weights for "
        "scales (1968), and their mean over readers, with the errors of Fleiss, Cohen and Everitt (1969).",
    ),
    (None, "p-values are not corrected for the number of questions, of measures or of pairs of arms."),
)
