"""Rows of answers, as `export.long_table` makes them."""

from collections.abc import Callable, Sequence
from typing import Any

from napari_recon_robust.reader_studies.measures.found import Finding
from napari_recon_robust.reader_studies.plan import Plan


def row(**values: Any) -> dict[str, Any]:
    """A row of a reading, with what is not named as usual."""
    usual = {
        "sitting": 1, "number": 1, "purpose": "reading", "cannot_judge": False, "answer": {},
        "seconds": None, "revision_seconds": None,
        "lesion": None, "lesions": 0, "hit": None, "arms": (values.get("arm", ""),),
    }  # fmt: skip
    return {**usual, **values}


def scored(
    plan: Plan, score: Callable[[str, Any, int], Any], question: str = "sharpness", readers: int = 3
) -> list[dict[str, Any]]:
    """Each case in each arm, read by R1, R2, ...; score: of arm, case and number; None if not judged."""
    rows = []
    for case in plan.read:
        for arm in plan.arms:
            for reader in range(1, readers + 1):
                found = score(arm.name, case, reader)
                rows.append(
                    row(
                        reader=f"R{reader}",
                        case=case.id,
                        patient=case.patient,
                        arm=arm.name,
                        question=question,
                        lesion=case.lesion,
                        score=found,
                        cannot_judge=found is None,
                    )
                )
    return rows


def cases(count: int, patients: int | None = None) -> list[dict[str, Any]]:
    """Entries of a plan, every other one with a lesion; by default each is a patient of its own."""
    return [
        {"id": f"c{at}", "saved": "c0", "patient": f"p{at % (patients or count)}", "lesion": at % 2 == 0}
        for at in range(count)
    ]


def chosen(plan: Plan, choice: Callable[[list[str], Any, int], Any], readers: int = 2) -> list[dict[str, Any]]:
    """All arms of each case at once, in turn at each position; choice: an answer for the arms, the case, the reader."""
    names, rows = [arm.name for arm in plan.arms], []
    for number, case in enumerate(plan.read):
        for reader in range(1, readers + 1):
            turn = (number + reader) % len(names)
            arms = names[turn:] + names[:turn]
            answer = choice(arms, case, reader)
            score = arms[answer["choice"]] == names[0] if "choice" in answer else 0.5
            rows.append(
                row(
                    reader=f"R{reader}",
                    case=case.id,
                    patient=case.patient,
                    arm=arms[0],
                    arms=tuple(arms),
                    question=plan.questions[0].id,
                    answer=answer,
                    score=float(score),
                )
            )
    return rows


def only(findings: Sequence[Finding], what: str, arm: str) -> Finding:
    """The one finding of this measure and arm."""
    (found,) = [one for one in findings if (one.what, one.arm) == (what, arm)]
    return found
