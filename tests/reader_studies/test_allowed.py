from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from napari_recon_robust.reader_studies.allowed import AGAIN, FINAL, NOT_NEXT, NOT_NOW, Act, Progress, refusal
from napari_recon_robust.reader_studies.bundle import Sheet, Shown


def shown_of(name: str, sitting: int, number: int) -> Shown:
    """The letter of a name is its slice; T and U are for training."""
    return Shown.model_validate(
        {"id": name, "reader": "R1", "sitting": sitting, "number": number, "training": name[0] in "TU", "rows": 8}
        | {"images": ["x"], "reference": "", "same": name[0], "columns": 8, "voxel": None, "turn": {}}
        | {"window": (0, 1), "maximum": 1, "region": None, "truth": None}
    )


def study_of(back: bool) -> Sheet:
    return cast(Sheet, SimpleNamespace(back=back))


ONE = [shown_of(name, 0, at) for at, name in enumerate(("T1", "U1", "A1", "B1", "A2", "B2"))]
TWO = [shown_of(name, at // 2, at % 2) for at, name in enumerate(("A1", "B1", "A2", "B2"))]

# How many are answered; what is asked about; whether it may be seen, answered for the first time, and revised.
SEQUENTIAL = [
    (0, "T1", "", "", FINAL),
    (0, "U1", NOT_NOW, NOT_NEXT, FINAL),
    (1, "T1", "", "", FINAL),  # seen with its truth
    (2, "U1", "", "", FINAL),
    (2, "A1", "", "", ""),  # whose first step may be answered
    (3, "U1", FINAL, "", FINAL),
    (3, "A1", "", "", ""),
    (3, "B1", "", "", ""),
    (3, "A2", NOT_NOW, NOT_NEXT, FINAL),
    (4, "A1", AGAIN, "", AGAIN),  # its slice is judged anew
    (4, "B1", "", "", ""),
    (5, "A1", AGAIN, "", AGAIN),  # and still, when that is answered
    (5, "A2", "", "", ""),
    (5, "B1", AGAIN, "", AGAIN),
    (6, "A1", AGAIN, "", AGAIN),
    (6, "B1", AGAIN, "", AGAIN),
    (6, "A2", "", "", ""),
    (6, "B2", "", "", ""),
]


@pytest.mark.parametrize(("answered", "name", "see", "answer", "revise"), SEQUENTIAL)
def test_a_case_is_revised_until_its_slice_is_shown_once_more(
    answered: int, name: str, see: str, answer: str, revise: str
) -> None:
    progress = Progress(ONE, {one.id for one in ONE[:answered]})
    shown = next(one for one in ONE if one.id == name)
    found = tuple(refusal(act, shown, progress, study_of(True)) for act in get_args(Act))
    assert found == (see, answer, revise)


@pytest.mark.parametrize("answered", range(7))
def test_a_study_without_a_way_back_shows_only_what_is_judged_and_the_truth_of_training(answered: int) -> None:
    progress = Progress(ONE, {one.id for one in ONE[:answered]})
    seen = [one.id for one in ONE if not refusal("see", one, progress, study_of(False))]
    assert seen == [["T1"], ["T1", "U1"], ["U1", "A1"], ["B1"], ["A2"], ["B2"], []][answered]
    assert all(refusal("revise", one, progress, study_of(False)) for one in ONE)


@pytest.mark.parametrize(
    ("answered", "wait", "seen"), [(1, "", "A1 B1"), (2, "2999", ""), (2, "", "A2"), (3, "", "A2 B2")]
)
def test_an_earlier_sitting_is_over(answered: int, wait: str, seen: str) -> None:
    progress = Progress(TWO, {one.id for one in TWO[:answered]}, wait)
    for act in ("see", "revise"):
        may = [one.id for one in TWO if not refusal(cast(Any, act), one, progress, study_of(True))]
        assert may == seen.split()
    assert [one.id for one in TWO if not refusal("answer", one, progress, study_of(True))] == [
        one.id for one in TWO[: answered + (not wait)]
    ]


def test_a_study_of_unknown_slices_has_no_rivals() -> None:
    order = [one.model_copy(update={"same": ""}) for one in TWO[:2]]
    assert refusal("revise", order[0], Progress(order, {"A1", "B1"}), study_of(True)) == ""
