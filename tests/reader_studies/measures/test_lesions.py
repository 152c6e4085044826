import numpy as np
import pytest

from helpers.answers import cases, only, scored
from helpers.reading import LESION, plan
from napari_recon_robust.reader_studies.analysis import analyse


def test_a_rating_of_50_is_no_lesion_that_was_seen() -> None:
    """All say in both arms that there is none, so that one may take the place of the other."""
    made = plan(questions=LESION, cases=cases(4))
    rows = scored(made, lambda arm, *_: 50.0 if arm == "attacked" else 20.0, "lesion", readers=2)
    findings = analyse(made, rows).findings
    assert only(findings, "individual equivalence index", "attacked for clean").estimate.value == 0
    assert only(findings, "sensitivity", "attacked").estimate.value == 0


def test_the_roc_curve_counts_a_rating_at_its_own_level() -> None:
    """Lesions are rated 90 and 40, the cases without 40 and 10: points (1 - specificity, sensitivity) at 90, 40, 10."""
    made = plan(questions=LESION, cases=cases(4))
    ratings = {"c0": 90.0, "c2": 40.0, "c1": 40.0, "c3": 10.0}
    analysis = analyse(made, scored(made, lambda _, case, __: ratings[case.id], "lesion", readers=1))
    (curve,) = [one for one in analysis.curves if one.title.startswith("ROC")]
    assert curve.lines["clean"] == [(0, 0), (0, 0.5), (0.5, 1), (1, 1)]


def test_readers_who_see_as_many_lesions_but_others_have_intervals() -> None:
    """R1 misses the first lesion of six, R2 the last: 5 of 6 each, and it was said that nothing varies."""
    made = plan(questions=LESION, cases=cases(12))
    missed = {1: "c0", 2: "c10"}
    rows = scored(made, lambda _, case, reader: 90.0 * (case.lesion and case.id != missed[reader]), "lesion", readers=2)
    analysis = analyse(made, rows)
    found = only(analysis.findings, "sensitivity", "clean").estimate
    assert found.interval is not None
    assert 0.3 < found.interval[0] < found.value < found.interval[1] <= 1
    assert not [remark for remark in analysis.remarks if "sensitivity, clean, has no interval" in remark]


def test_lesions_that_all_readers_see_have_the_interval_of_as_many_patients() -> None:
    made = plan(questions=LESION, cases=cases(12))
    analysis = analyse(made, scored(made, lambda _, case, __: 90.0 * case.lesion, "lesion"))
    for what in ("sensitivity", "specificity"):
        assert only(analysis.findings, what, "clean").estimate.interval == pytest.approx((0.025 ** (1 / 6), 1))


@pytest.mark.parametrize(("count", "readers", "said"), [(60, 2, True), (56, 2, False), (60, 3, False)])
def test_of_two_readers_it_is_said_that_they_are_few(count: int, readers: int, said: bool) -> None:
    """With fewer than 30 lesions the error is larger, and the test keeps its level."""
    made, rng = plan(questions=LESION, cases=cases(count)), np.random.default_rng(0)
    rows = scored(
        made, lambda _, case, __: float(np.clip(rng.normal(40 + 20 * case.lesion, 20), 0, 100)), "lesion", readers
    )
    found = [remark for remark in analyse(made, rows).remarks if "area under the ROC curve is of two readers" in remark]
    assert bool(found) is said
