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
