"""A first plan to begin from, and what a plan will cost its readers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from ..cases.record import anatomy_hash, load_case
from ..ground.errors import InputError, whole_letters
from ..ground.guard import shown
from ..ground.writing import write
from .order import draw
from .plan import Plan
from .questions import ID, QUESTIONNAIRES


def new_plan(cases: Sequence[str | Path], path: str | Path, questions: str = "lesion") -> Path:
    """Write a plan for saved cases, with the clean and the perturbed image as arms; returns its path.

    A folder of a study's results stands for the cases that it has saved. Cases of one slice, known by its samples, are
    one patient; each other case begins as one of its own, to be mended where several are of one. Raises InputError for
    no case, one whose path is not in UTF-8, an unknown questionnaire or a plan that is there already, FileFormatError
    for a folder that is no saved case.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path.name} exists already; name another file for the plan.")
    if not cases:
        raise InputError("there is no case to read; name at least one saved case.")
    if questions not in QUESTIONNAIRES:
        raise InputError(f"there is no questionnaire {questions!r}; `recon-robust review new --help` lists them.")
    folders = [Path(case) for case in cases]
    entries, patients, ids = [], dict[str, str](), _ids(folders)
    for number, folder in enumerate(folders, 1):
        place = _quoted(_from(path.parent, folder))
        if place != whole_letters(place):
            raise InputError(f"the name of {shown(folder)} or of its folder is not in UTF-8, as plans are; rename it.")
        if (folder / "store.json").exists():
            entries.append(f"  - {{study: {place}, most: 12}}")
            continue
        patient = patients.setdefault(anatomy_hash(load_case(folder)), f"patient-{number}")
        entries.append(f"  - {{id: {_quoted(ids[number - 1])}, saved: {place}, patient: {patient}, source: unknown}}")
    asked = QUESTIONNAIRES[questions][1]
    measure = asked[0].measures[0]
    text = _TEMPLATE.format(
        questions=questions,
        known=", ".join(QUESTIONNAIRES),
        cases="\n".join(entries),
        ids=", ".join(question.id for question in asked),
        endpoint=f"question: {asked[0].id}, measure: {measure}, arms: [clean, perturbed], margin: {_MARGINS[measure]}",
    )
    write(path, text.encode())
    return path


def _ids(folders: Sequence[Path]) -> list[str]:
    """The names of the folders, so that a case is found again, where all of them can be ids; else numbers."""
    names = [folder.resolve().name for folder in folders]
    fit = len(set(names)) == len(names) and all(re.fullmatch(ID, name) for name in names)
    return names if fit else [f"case-{number}" for number in range(1, len(names) + 1)]


def _from(beside: Path, folder: Path) -> str:
    """A path as a plan in the folder `beside` has it."""
    saved, start = folder.resolve(), beside.resolve()
    return (saved.relative_to(start) if saved.is_relative_to(start) else saved).as_posix()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_TEMPLATE = """\
# A reader study. `recon-robust review check` says what it costs, `freeze` fixes it before the first reader reads.
title: A reader study
seed: 1

# What is compared: reference, clean, perturbed, random or perturbed-reference of the saved cases.
arms:
  - {{name: clean, image: clean}}
  - {{name: perturbed, image: perturbed}}

# A questionnaire, or a list of questions of your own. Questionnaires: {known}.
questions: {questions}

# For lesions add the truth to each case: lesion: true or lesion: false.
# Give all cases of one patient the same patient: here each slice stands as a patient of its own.
# saved: [FOLDER, FOLDER] is a case of several slices, each of which is a saved case.
# training: true is shown first, with its truth afterwards.
# {{study: FOLDER, where: {{perturbation: worst-case}}, most: 12}} stands for the worst cases that a study has saved.
cases:
{cases}

# readers: one or two to spare, since `freeze` fixes their number; who never reads counts for nothing.
design: {{kind: crossed, readers: 4, sittings: sequential, repeats: 0, pilot: false}}
viewing: {{reference: false, window: true, zoom: true, smoothing: false, modes: [side, flicker, wipe]}}

# The primary endpoint, fixed before anybody reads, such as this one. Its question is one of: {ids}.
# endpoint: {{{endpoint}}}
"""
_MARGINS = {"auc": 0.05, "preference": 0.1, "mean": 0.5}  # of the example, for the first measure of each kind


@dataclass(frozen=True)
class Load:
    """What a plan asks of one reader. minutes: of reading, the longest of all readers."""

    presentations: int
    sittings: int
    minutes: float


def load(plan: Plan) -> Load:
    """What the plan asks of the reader who reads most."""
    numbers = count()
    drawn = draw(plan, lambda: str(next(numbers)))
    most = max(Counter(one.reader for one in drawn).values())
    seconds = most * sum(question.seconds for question in plan.questions)
    return Load(most, max(one.sitting for one in drawn) + 1, seconds / 60)


def described(plan: Plan) -> dict[str, Any]:
    """A plan in a few figures, for who checks it."""
    read = plan.read
    return {
        "cases": len(read),
        "training": len(plan.cases) - len(read),
        **({"slices of a case": most} if (most := max(case.slices for case in plan.cases)) > 1 else {}),
        "patients": len({case.patient for case in read}),
        "with lesion": sum(case.lesion is True for case in read),
        "without lesion": sum(case.lesion is False for case in read),
        "truth not known": sum(case.lesion is None for case in read),
        "arms": [arm.name for arm in plan.arms],
        "questions": [question.id for question in plan.questions],
        "readers": plan.design.readers,
    }
