"""Against known answers, and against the published figures of Van Dyke's readers."""

import csv
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from scipy import stats

from helpers.answers import cases, chosen, only, row, scored
from helpers.reading import LESION, PAIRS, QUALITY, plan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.analysis import analyse
from napari_recon_robust.reader_studies.figures import forests
from napari_recon_robust.reader_studies.measures.found import with_width
from napari_recon_robust.reader_studies.plan import Plan
from napari_recon_robust.reader_studies.questions import Lesion, Question
from napari_recon_robust.reader_studies.report import page
from napari_recon_robust.statistics.estimate import Estimate


@pytest.mark.slow
def test_scores_are_compared_within_reader_and_case_and_patients_are_the_unit() -> None:
    made = plan(cases=cases(20, patients=10))
    rng = np.random.default_rng(0)
    of_case = {case.id: rng.normal() for case in made.read}
    rows = scored(made, lambda arm, case, reader: of_case[case.id] + reader + 0.7 * (arm == "clean"))
    found = only(analyse(made, rows).findings, "difference of scores", "clean − attacked")
    assert found.estimate.value == pytest.approx(0.7)
    assert found.estimate.units == 10
    assert found.estimate.interval is None  # nothing varies, and an interval without a width would claim too much
    assert (found.p, found.holds_over) == (None, "")


def test_an_interval_over_patients_is_student_s() -> None:
    """Differences of 5 patients of two cases each: 1, 2, 3, 4, 5; mean 3, standard error sqrt(2.5 / 5)."""
    made = plan(cases=cases(10, patients=5), questions=[LONG])
    rows = scored(made, lambda arm, case, _: (1.0 + int(case.patient[1])) * (arm == "clean"))
    found = only(analyse(made, rows).findings, "difference of scores", "clean − attacked")
    half = 2.776445 * (2.5 / 5) ** 0.5
    assert found.estimate.interval == pytest.approx((3 - half, 3 + half), abs=1e-5)


def test_it_is_said_why_a_study_of_one_patient_has_no_interval() -> None:
    made = plan(cases=cases(4, patients=1))
    rows = scored(made, lambda arm, case, reader: int(case.id[1:]) % 3 + reader % 2 * (arm == "clean"))
    analysis = analyse(made, rows)
    assert all(item.estimate.interval is None for item in analysis.findings)
    assert analysis.remarks[-1] == "No figure has an interval: there are fewer than three patients, or no answers vary."
    assert only(analysis.findings, "mean score", "clean").rests_on == "1 patient"
    text = page(made, analysis)
    assert "1 patients" not in text
    assert "No figure has an interval" in text


ARMS = ["clean", "attacked"]
LONG = {**QUALITY, "words": [str(level) for level in range(11)]}


def of_readers(arm: str, case: Any, reader: int) -> float:
    """Four readers find the first arm better by 1, 1, 0 and -2, at each case alike but for a little."""
    return (arm == "clean") * ([1, 1, 0, -2][reader - 1] + 0.01 * (int(case.id[1:]) % 3))


def test_readers_who_differ_widen_the_interval_of_scores() -> None:
    """Readers who contradict each other show nothing of readers in general, however many patients they read."""
    endpoint = {"question": "sharpness", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.2}
    made = plan(cases=cases(60), questions=[LONG], endpoint=endpoint)
    analysis = analyse(made, scored(made, of_readers, readers=4))
    found = only(analysis.findings, "difference of scores", "clean − attacked")
    # 3.182446 is Student's t of 3 degrees of freedom, and 2 the variance of the readers' differences
    half = 3.182446 * (2 / 4) ** 0.5
    assert found.estimate.interval == pytest.approx((0.01 - half, 0.01 + half), abs=0.001)
    assert (found.over, found.estimate.units) == ("readers and patients", 60)
    assert found.p == pytest.approx(0.99, abs=0.01)
    assert "[-2.24, +2.26] over readers and patients, margin 0.2" in analysis.endpoint


def test_readers_who_differ_widen_the_interval_of_preferences() -> None:
    """Two of four readers always take the first arm and two the other."""
    made = plan(questions=PAIRS, cases=cases(40))
    rows = chosen(made, lambda arms, _, reader: {"choice": arms.index(["clean", "attacked"][reader % 2])}, readers=4)
    found = only(analyse(made, rows).findings, "share of choices", "clean")
    assert (found.estimate.value, found.over) == (0.5, "readers and patients")
    assert found.estimate.interval is not None
    assert np.ptp(found.estimate.interval) > 0.8


def test_who_judged_fewer_than_three_patients_is_left_out_and_named() -> None:
    made = plan(cases=cases(10))
    rows = [one for one in scored(made, lambda arm, case, _: float(len(case.id + arm) % 3)) if one["reader"] != "R3"]
    few = [{**one, "reader": "R3", "score": 99.0} for one in rows if one["reader"] == "R1" and one["case"] == "c1"]
    found = only(analyse(made, rows + few).findings, "mean score", "clean")
    assert found.note == "R3 left out, who judged fewer than 3 patients"
    assert found.estimate == only(analyse(made, rows).findings, "mean score", "clean").estimate


@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("kind", ["likert", "forced-choice", "ranking", "lesion"])
def test_each_interval_and_each_test_says_over_what_it_holds(kind: str, readers: int) -> None:
    rng = np.random.default_rng(0)
    asked = {"likert": [QUALITY], "forced-choice": PAIRS, "lesion": LESION}
    made = plan(questions=asked.get(kind, [{"id": "rank", "kind": "ranking", "text": "Rank"}]), cases=cases(12))
    if kind == "forced-choice":
        rows = chosen(made, lambda *_: {"choice": int(rng.integers(2))}, readers)
    elif kind == "ranking":
        rows = chosen(made, lambda *_: {"order": rng.permutation(2).tolist()}, readers)
    else:
        rows = scored(made, lambda *_: float(rng.integers(1, 4)), made.questions[0].id, readers)
    rows = [{**one, "seconds": float(rng.uniform(1, 9))} for one in rows]
    rows += [{**one, "purpose": "repeat"} for one in rows[::3]]
    findings = analyse(made, rows).findings
    for found in findings:
        known = found.estimate.interval is not None or found.p is not None
        assert (found.holds_over != "") == known, found
    allowed = {"patients; one reader"} if readers == 1 else {"readers and patients", "patients; readers fixed"}
    general = [found for found in findings if " of R" not in found.what and found.holds_over]
    assert {found.holds_over for found in general} <= allowed


def test_below_three_patients_there_is_no_interval() -> None:
    made = plan(cases=cases(12, patients=2))
    found = only(analyse(made, scored(made, lambda *_: 2.0)).findings, "mean score", "clean")
    assert found.estimate.interval is None


def test_a_bias_to_one_side_is_seen() -> None:
    """A reader who always takes the first image shows no preference, and a bias."""
    made = plan(questions=PAIRS, cases=cases(40))
    rows = chosen(made, lambda *_: {"choice": 0}, readers=1)
    findings = analyse(made, rows).findings
    assert only(findings, "share of choices", "clean").estimate.value == 0.5
    assert only(findings, "share at position A", "both").estimate.value == 1
    corrected = only(findings, "share without preferring a position", "clean")
    assert corrected.estimate.value == pytest.approx(0.5)
    assert corrected.p == pytest.approx(0, abs=1e-6)
    own = only(findings, "share of choices of R1", "clean").estimate
    assert own.interval == pytest.approx((0.338, 0.662), abs=0.001)


def test_van_dykes_readers_come_out_as_published(shared: Path) -> None:
    with (shared / "data/readers/vandyke.csv").open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    truth = {one["case"]: one["truth"] == "1" for one in read}
    made = plan(
        questions=LESION,
        arms=[{"name": "one", "image": "clean"}, {"name": "two", "image": "perturbed"}],
        cases=[{"id": f"c{id}", "saved": "x", "patient": id, "lesion": lesion} for id, lesion in truth.items()],
        endpoint={"question": "lesion", "measure": "auc", "arms": ["one", "two"], "margin": 0.05},
    )
    rows = [
        row(
            reader=f"R{one['reader']}",
            case=f"c{one['case']}",
            patient=one["case"],
            arm={"1": "one", "2": "two"}[one["treatment"]],
            question="lesion",
            lesion=truth[one["case"]],
            score=25.0 * (int(one["rating"]) - 1) + 5 * (int(one["rating"]) >= 3),
        )
        for one in read
    ]
    analysis = analyse(made, rows)
    area = only(analysis.findings, "area under the ROC curve", "one − two")
    assert area.estimate.value == pytest.approx(-0.04380032, abs=5e-9)
    assert area.estimate.interval == pytest.approx((-0.08795950, 0.00035885), abs=5e-9)
    assert area.p == pytest.approx(0.0516657, abs=5e-8)
    sensitivity = only(analysis.findings, "sensitivity", "one − two")
    assert sensitivity.p == pytest.approx(0.02008822, abs=5e-9)
    assert analysis.endpoint.endswith("two is not inferior to one by the margin.")


def rated(seed: int = 1) -> Any:
    rng = np.random.default_rng(seed)
    return lambda arm, case, reader: 50 + 15 * case.lesion + 20 * rng.normal()


def test_a_lesion_that_was_seen_without_confidence_was_seen() -> None:
    """Readers who say yes to each lesion and no to all else, with a confidence of 0, are always right."""
    made, asked = plan(questions=LESION, cases=cases(12)), Lesion.model_validate(LESION[0])

    def score(arm: str, case: Any, _: int) -> float | None:
        return asked.score({"seen": "yes" if case.lesion else "no", "confidence": 0})

    findings = analyse(made, scored(made, score, "lesion")).findings
    for what in ("sensitivity", "specificity", "area under the ROC curve"):
        assert only(findings, what, "clean").estimate.value == 1


def test_a_figure_of_few_lesions_has_more_room_on_the_side_of_one_half() -> None:
    """Even intervals of a high area end beyond 1, and cover the true area too rarely."""
    made = plan(questions=LESION, cases=cases(12))
    findings = analyse(made, scored(made, rated(), "lesion")).findings
    for what in ("sensitivity", "specificity", "area under the ROC curve"):
        for arm in ("clean", "attacked"):
            found = only(findings, what, arm).estimate
            low, high = found.interval or (0.0, 0.0)
            assert 0 < low < high < 1
            assert (found.value - low > high - found.value) is (found.value > 0.5)


def test_a_reader_without_a_case_in_both_arms_is_named_at_the_difference_of_scores() -> None:
    """He stopped in the first half of a sequential sitting: the means of single arms have his scores."""
    made = plan(cases=cases(6))
    rows = scored(made, lambda arm, case, reader: (int(case.id[1:]) + reader) % 3 + (arm == "clean"))
    left = [row for row in rows if row["reader"] != "R3" or (row["arm"] == "clean") == (row["case"] < "c3")]
    found = only(analyse(made, left).findings, "difference of scores", "clean − attacked")
    assert found.note == "R3 left out, who judged no case in both arms"
    assert only(analyse(made, rows).findings, "difference of scores", "clean − attacked").note == ""


def test_readings_that_are_not_of_both_arms_are_left_out_and_said() -> None:
    made = plan(questions=LESION, cases=cases(20))
    rows = scored(made, rated(), "lesion")
    rows[0] = {**rows[0], "score": None, "cannot_judge": True}
    analysis = analyse(made, rows)
    note = only(analysis.findings, "area under the ROC curve", "clean").note
    assert note.startswith("10 cases with a lesion, 10 without, 20 patients; 1 of 60 readings left out")
    assert analysis.cannot_judge == 1
    share = only(analysis.findings, "share of “cannot judge”", "clean").estimate
    assert share.value == pytest.approx(1 / 60)


def test_a_reader_who_stopped_early_leaves_the_others_whole() -> None:
    made = plan(questions=LESION, cases=cases(20))
    rows = [row for row in scored(made, rated(), "lesion") if row["reader"] != "R3" or row["case"] in ("c0", "c1")]
    found = only(analyse(made, rows).findings, "area under the ROC curve", "clean − attacked")
    assert found.estimate.units == 2
    assert found.note.endswith("R3 left out, who rated too few cases")
    alone = analyse(made, [row for row in rows if row["reader"] != "R3"]).findings
    assert found.estimate == only(alone, "area under the ROC curve", "clean − attacked").estimate


def test_readers_of_different_cases_are_compared() -> None:
    """A split-plot design: nobody reads all cases, and the areas are those of each reader's own."""
    made = plan(questions=LESION, cases=cases(40), design={"kind": "split-plot", "readers": 4, "groups": 2})
    rows = [
        one
        for one in scored(made, rated(), "lesion", readers=4)
        if (int(one["reader"][1]) + int(one["case"][1:]) // 2) % 2
    ]
    findings = analyse(made, rows).findings
    found = only(findings, "area under the ROC curve", "clean − attacked")
    assert found.estimate.interval is not None
    assert found.estimate.units == 4
    assert only(findings, "ICC(2,1) between readers", "clean, group 1").note == "2 readers, 20 cases"


def test_one_reader_has_intervals_for_himself_alone() -> None:
    made = plan(questions=LESION, cases=cases(30))
    analysis = analyse(made, scored(made, rated(), "lesion", readers=1))
    found = only(analysis.findings, "area under the ROC curve", "clean − attacked")
    assert found.estimate.interval is not None
    assert found.p is not None
    assert any("this reader alone" in remark for remark in analysis.remarks)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_cases_are_said(count: int) -> None:
    made = plan(questions=LESION, cases=cases(count))
    analysis = analyse(made, scored(made, rated(), "lesion"))
    assert not [one for one in analysis.findings if one.what == "area under the ROC curve"]
    assert any(remark.startswith("lesion: no area under the ROC curve") for remark in analysis.remarks)


@pytest.mark.parametrize("patients", [1, 2])
def test_figures_of_too_few_patients_are_there_without_an_interval(patients: int) -> None:
    """As those of the packaged sample, which is one head. The figures are those of as many cases of other patients."""
    made, more = (plan(questions=LESION, cases=cases(20, count)) for count in (patients, None))
    few, all_ = (analyse(one, scored(one, rated(), "lesion")) for one in (made, more))
    for what in ("area under the ROC curve", "sensitivity", "specificity"):
        assert any(remark.startswith(f"lesion: {what} has no interval: there are fewer") for remark in few.remarks)
        for arm in ("clean", "attacked", "clean − attacked"):
            found = only(few.findings, what, arm)
            assert found.estimate.value == pytest.approx(only(all_.findings, what, arm).estimate.value)
            assert (found.estimate.interval, found.p) == (None, None)
    assert any(curve.title.startswith("ROC curves") for curve in few.curves)


def test_readers_without_error_have_no_interval_and_no_claim() -> None:
    endpoint = {"question": "lesion", "measure": "auc", "arms": ["clean", "attacked"], "margin": 0.2}
    made = plan(questions=LESION, cases=cases(20), endpoint=endpoint)
    analysis = analyse(made, scored(made, lambda arm, case, _: 100.0 * case.lesion, "lesion"))
    found = only(analysis.findings, "area under the ROC curve", "clean − attacked")
    assert (found.estimate.value, found.estimate.interval, found.p) == (0, None, None)
    assert "has no interval" in analysis.endpoint


@pytest.mark.parametrize(
    ("difference", "spread", "words"),
    [
        (0.01, 0.01, "equivalent by the margin"),
        (0.5, 0.1, "clean is better"),
        (-0.5, 0.1, "attacked is better"),
        (0.13, 0.6, "clean is not inferior to attacked"),
        (-0.13, 0.6, "attacked is not inferior to clean"),
        (0.0, 3.0, "too wide to decide"),
    ],
)
def test_the_endpoint_says_what_its_interval_carries(difference: float, spread: float, words: str) -> None:
    endpoint = {"question": "sharpness", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.2}
    made = plan(cases=cases(20), endpoint=endpoint)
    steps = dict(zip((case.id for case in made.read), np.linspace(-spread, spread, 20), strict=True))
    rows = scored(made, lambda arm, case, _: (difference + steps[case.id]) * (arm == "clean"))
    assert words in analyse(made, rows).endpoint
    turned = plan(cases=cases(20), endpoint={**endpoint, "arms": ["attacked", "clean"]})
    assert words in analyse(turned, rows).endpoint  # whichever arm is named first


def test_a_difference_within_the_margin_is_said_too() -> None:
    endpoint = {"question": "sharpness", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.5}
    made = plan(cases=cases(20), endpoint=endpoint)
    rows = scored(made, lambda arm, case, _: (0.2 + 0.01 * int(case.id[1:])) * (arm == "clean"))
    words = "equivalent by the margin, and it excludes 0: clean is better, by less than the margin."
    assert analyse(made, rows).endpoint.endswith(words)


@pytest.mark.parametrize("readers", [1, 3])
def test_patients_who_all_differ_alike_have_the_exact_sign_test(readers: int) -> None:
    endpoint = {"question": "sharpness", "measure": "mean", "arms": ["attacked", "clean"], "margin": 0.5}
    made = plan(cases=cases(10), endpoint=endpoint)
    analysis = analyse(made, scored(made, lambda arm, *_: 1.0 + (arm == "clean"), readers=readers))
    whom = "this reader" if readers == 1 else "these readers"
    words = "sharpness: difference of scores, clean − attacked, is +1 in all 10 patients, so that it has no interval; "
    words += "the exact sign test over patients gives p = 0.00195 for "
    assert [remark for remark in analysis.remarks if remark.startswith(words) and whom in remark]
    assert "has no interval" in analysis.endpoint
    assert words in analysis.endpoint
    equal = analyse(made, scored(made, lambda *_: 1.0, readers=readers))
    assert not any("sign test" in remark for remark in equal.remarks)


@pytest.mark.parametrize(("count", "words"), [(6, "clean is better."), (5, "too wide to decide")])
@pytest.mark.parametrize("against", [0, 1])
def test_one_choice_against_decides_no_more_than_none(count: int, words: str, against: int) -> None:
    endpoint = {"question": "preference", "measure": "preference", "arms": ["clean", "attacked"], "margin": 0.02}
    made = plan(questions=PAIRS, cases=cases(count), endpoint=endpoint)

    def choice(arms: list[str], case: Any, reader: int) -> dict[str, int]:
        return {"choice": arms.index(ARMS[case.id == "c0" and reader <= against])}

    assert words in analyse(made, chosen(made, choice, readers=4)).endpoint


@pytest.mark.parametrize("measure", ["sensitivity", "specificity", "area under the ROC curve"])
def test_one_reader_of_few_lesions_has_students_test(measure: str) -> None:
    """Of 5 cases of a kind: 4 degrees of freedom, as the interval and p have in common."""
    made = plan(questions=LESION, cases=cases(10))

    def score(arm: str, case: Any, _: int) -> float:
        return 60.0 if case.lesion == (arm == "clean" or case.id in ("c0", "c1")) else 40.0

    analysis = analyse(made, scored(made, score, "lesion", readers=1))
    found = only(analysis.findings, measure, "clean − attacked")
    assert found.estimate.interval is not None
    quantile, value = stats.t.ppf(0.975, 4), found.estimate.value
    error = (value - found.estimate.interval[0]) / quantile
    assert value == pytest.approx(0.8)
    assert found.p == pytest.approx(2 * stats.t.sf(0.8 / error, 4))
    if measure != "area under the ROC curve":
        assert error == pytest.approx(0.2)


def test_where_nothing_varies_three_arms_have_no_test() -> None:
    arms = [{"name": name, "image": "clean"} for name in ("clean", "attacked", "random")]
    made = plan(questions=LESION, arms=arms, cases=cases(20))
    rows = scored(made, lambda arm, case, _: 100.0 * (case.lesion and arm != "random"), "lesion")
    assert not any(one.what.startswith("F of") for one in analyse(made, rows).findings)


def test_the_difference_of_two_preferred_arms_is_that_of_their_shares() -> None:
    """13 of 20 choices, 65% and 35%, differ by 0.3, with twice the width of the interval of the share."""
    endpoint = {"question": "preference", "measure": "preference", "arms": ["attacked", "clean"], "margin": 0.75}
    made = plan(questions=PAIRS, cases=cases(20), endpoint=endpoint)
    rows = chosen(made, lambda arms, case, _: {"choice": arms.index(ARMS[int(case.id[1:]) < 7])}, readers=1)
    analysis = analyse(made, rows)
    share = only(analysis.findings, "share of choices", "clean").estimate
    apart = only(analysis.findings, "difference of shares", "clean − attacked").estimate
    assert (share.value, apart.value) == (pytest.approx(0.65), pytest.approx(0.3))
    assert share.interval is not None
    assert apart.interval == pytest.approx([2 * end - 1 for end in share.interval])
    assert analysis.endpoint.startswith(
        "Primary endpoint, difference of shares, attacked against clean: -0.3 [-0.701, +0.198] over patients; one "
        "reader, margin 0.75. The interval lies within the margin on both sides"
    )


def test_intervals_end_at_the_ends_of_the_scale() -> None:
    """Two readers of three patients, who contradict each other on three levels."""
    made = plan(cases=cases(3))
    rows = scored(made, lambda arm, case, reader: [1.0, 3.0][(reader + (arm == "clean")) % 2], readers=2)
    rows[0]["score"] = 2.0
    findings = analyse(made, rows).findings
    assert only(findings, "mean score", "clean").estimate.interval == (1, 3)
    assert only(findings, "difference of scores", "clean − attacked").estimate.interval == (-2, 2)
    (drawn,) = [one for one in forests(findings) if one["title"].startswith("Difference")]
    assert [tick["text"] for tick in drawn["ticks"]] == ["-2", "0", "2"]
    asked = [{"id": "structures", "kind": "structures", "text": "Changed?", "reference": True}]
    made = plan(questions=asked, cases=cases(3))
    rows = scored(made, lambda arm, case, reader: [0.0, 2.0][reader % 2], "structures", 2)
    rows[0]["score"] = 1.0
    assert only(analyse(made, rows).findings, "mean score", "clean").estimate.interval == (0, 2)


def test_repeats_show_the_agreement_of_a_reader_with_himself() -> None:
    made = plan(cases=cases(8))
    rng = np.random.default_rng(0)
    rows = scored(made, lambda *_: float(rng.integers(1, 4)), readers=1)
    again = [{**one, "purpose": "repeat"} for one in rows if one["arm"] == "clean"]
    found = only(analyse(made, rows + again).findings, "kappa of repeated readings", "all")
    assert found.estimate.value == 1


def test_the_agreement_of_readers_with_themselves_is_the_mean_of_each_ones_own() -> None:
    """One reader answers 1 or 2 and one 4 or 5, each time by lot: both together they seem to agree by 0.9."""
    made = plan(cases=cases(4))
    rows = scored(made, lambda _, case, reader: int(case.id[1]) % 2 + 3.0 * reader, readers=2)
    rows = [one for one in rows if one["arm"] == "clean"]
    again = [{**one, "purpose": "repeat", "score": one["score"] + int(one["case"][1]) // 2} for one in rows]
    for one in again:
        one["score"] -= int(one["case"][1]) % 2
    findings = analyse(made, rows + again).findings
    found = only(findings, "kappa of repeated readings", "all")
    assert found.estimate.value == pytest.approx(0)
    assert found.over == "readers and patients"
    assert found.note == "8 repeated readings; the mean of the kappas of 2 readers, each with their own first reading"
    own = only(findings, "kappa of repeated readings of R2", "all")
    assert (own.estimate.value, own.over, own.note) == (pytest.approx(0), "patients; one reader", "4 repeated readings")


def test_a_pilot_and_an_empty_study_are_refused() -> None:
    made = plan(design={"readers": 2, "pilot": True})
    with pytest.raises(InputError, match="pilot are never analysed"):
        analyse(made, scored(made, lambda *_: 1.0))
    with pytest.raises(InputError, match="nothing was read yet"):
        analyse(plan(questions=[QUALITY]), [])


@pytest.mark.parametrize(
    ("measure", "worse", "words"),
    [
        ("visual-grading", 1.0, "The interval excludes 0: clean is better."),
        ("visual-grading", 0.0, "equivalent by the margin."),
        ("interchangeability", 0.0, "interchangeable by the margin."),
        ("interchangeability", 2.0, "interchangeability is not shown."),
    ],
)
def test_endpoints_of_scores_say_what_they_carry(measure: str, worse: float, words: str) -> None:
    endpoint = {"question": "sharpness", "measure": measure, "arms": ["clean", "attacked"], "margin": 0.2}
    made, rng = plan(cases=cases(40), endpoint=endpoint), np.random.default_rng(0)
    of_case = {case.id: rng.normal() for case in made.read}

    def score(arm: str, case: Any, _: int) -> float:
        seen = of_case[case.id] + 0.1 * rng.normal() - worse * (arm == "attacked")
        return float(np.clip(np.rint(2 + seen), 1, 3))

    assert analyse(made, scored(made, score)).endpoint.endswith(words)


ASKED: dict[str, dict[str, Any]] = {
    "forced-choice": PAIRS[0],
    "ranking": {"id": "rank", "kind": "ranking", "text": "Rank"},
    "likert": QUALITY,
    "lesion": LESION[0],
    "free-response": {"id": "marks", "kind": "free-response", "text": "Mark"},
    "structures": {"id": "structures", "kind": "structures", "text": "Changed?", "reference": True},
}


def answered(made: Plan) -> list[dict[str, Any]]:
    """Three readers more often take the arm clean, give it the higher score, and see lesions better in it."""
    asked, rng = made.questions[0], np.random.default_rng(0)

    def choice(arms: list[str], *_: Any) -> dict[str, Any]:
        first = arms.index(ARMS[rng.random() > 0.7])
        return {"choice": first} if asked.kind == "forced-choice" else {"order": [first, 1 - first]}

    def score(arm: str, case: Any, _: int) -> float:
        if asked.kind not in ("lesion", "free-response"):
            low, high = asked.scale
            return float(np.clip(np.rint(rng.normal((low + high) / 2 + (arm == "clean"))), low, high))
        apart = 30 if arm == "clean" else 5
        return float(np.clip(rng.normal(50 + apart * (1 if case.lesion else -1), 20), 0, 100))

    if made.at_once:
        return chosen(made, choice, readers=3)
    rows = scored(made, score, asked.id)
    for one in rows:
        mark = {"rating": one["score"], "lesion": int(one["lesion"])}
        one |= {"lesions": int(one["lesion"]), "answer": {"marks": [mark]}}
    return rows


KINDS = get_args(get_args(Question)[0])


@pytest.mark.parametrize(
    ("kind", "measure"),
    [(one.model_fields["kind"].default, measure) for one in KINDS for measure in one.measures],
)
def test_each_measure_of_each_question_is_read_in_the_order_of_the_endpoint_s_arms(kind: str, measure: str) -> None:
    said = {}
    for one, other in (ARMS, ARMS[::-1]):
        endpoint = {"question": ASKED[kind]["id"], "measure": measure, "arms": [one, other], "margin": 0.05}
        made = plan(questions=[ASKED[kind]], cases=cases(30), endpoint=endpoint)
        words = analyse(made, answered(made)).endpoint
        whose = f"{other} for {one}" if measure == "interchangeability" else f"{one} against {other}"
        figures = re.match(rf"Primary endpoint, [^,]+, {whose}: (\S+) \[(\S+), (\S+)\] over ", words)
        assert figures, words
        said[one] = [float(figure) for figure in figures.groups()]
    value, low, high = said["clean"]
    if measure != "interchangeability":  # which is not even; see below
        assert max(low, 0) < value < high
        assert said["attacked"] == [-value, -high, -low]


@pytest.mark.parametrize("kind", ["likert", "lesion"])
def test_the_second_arm_of_an_endpoint_is_to_take_the_place_of_the_first(kind: str) -> None:
    """In the arm clean two readers always agree; in the other one the second reader never agrees with the first."""
    high, low = (100.0, 0.0) if kind == "lesion" else (3.0, 1.0)

    def score(arm: str, _: Any, reader: int) -> float:
        return low if arm == "attacked" and reader == 2 else high

    for arms, whose, index in ((ARMS, "attacked for clean", 0.5), (ARMS[::-1], "clean for attacked", -0.5)):
        endpoint = {"question": ASKED[kind]["id"], "measure": "interchangeability", "arms": arms, "margin": 0.05}
        made = plan(questions=[ASKED[kind]], cases=cases(8), endpoint=endpoint)
        findings = analyse(made, scored(made, score, made.questions[0].id, readers=2)).findings
        (found,) = [one for one in findings if one.what == "individual equivalence index"]
        assert (found.arm, found.estimate.value) == (whose, index)


@pytest.mark.parametrize("count", [35, 36])
def test_readers_who_always_agree_show_interchangeability_from_enough_patients_on(count: int) -> None:
    endpoint = {"question": "sharpness", "measure": "interchangeability", "arms": ARMS, "margin": 0.1}
    made = plan(cases=cases(count), endpoint=endpoint)
    words = analyse(made, scored(made, lambda *_: 2.0)).endpoint
    assert words.endswith("interchangeable by the margin." if count == 36 else "interchangeability is not shown.")


def test_an_endpoint_that_no_answers_compare_is_said_to_have_no_figure() -> None:
    endpoint = {"question": "sharpness", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.2}
    made = plan(cases=cases(8), endpoint=endpoint)
    rows = scored(made, lambda arm, *_: 2.0 if arm == "clean" else None)
    words = "The primary endpoint has no figure: too few answers compare clean with attacked."
    assert analyse(made, rows).endpoint == words


def test_the_arm_with_fewer_consequences_is_ahead() -> None:
    endpoint = {"question": "structures", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.2}
    asked = [{"id": "structures", "kind": "structures", "text": "Changed?", "reference": True}]
    made = plan(questions=asked, cases=cases(8), endpoint=endpoint)
    worse = scored(made, lambda arm, case, _: (arm == "attacked") * (1.0 + (case.id == "c0")), "structures")
    assert analyse(made, worse).endpoint.endswith("clean is better.")


def test_a_rate_of_lesions_of_one_patient_has_no_interval_and_it_is_said() -> None:
    made = plan(questions=LESION, cases=cases(8, patients=4))
    read = ("c0", "c4", "c1", "c3")  # both lesions are of the first patient
    rows = [one for one in scored(made, rated(), "lesion") if one["reader"] != "R3" or one["case"] in read]
    analysis = analyse(made, rows)
    said = "lesion: sensitivity has no interval: all cases of one kind"
    assert any(remark.startswith(said) for remark in analysis.remarks)
    assert only(analysis.findings, "sensitivity", "clean").estimate.interval is None
    assert only(analysis.findings, "specificity", "clean").estimate.interval is not None


def test_what_is_0_but_for_rounding_is_0_and_an_index_stays_on_its_scale() -> None:
    settled = with_width(Estimate(-6.7e-17, (-2.2e-16, 1.54), 3), -1, 1)
    assert (settled.value, settled.interval) == (0, (0, 1))
    assert settled.text() == "0 [0, 1]"
    made = plan(cases=cases(3))
    new = {"c0": (1.0, 1.0), "c1": (3.0, 3.0), "c2": (3.0, 3.0)}  # in the old arm both readers say 1
    rows = scored(made, lambda arm, case, reader: 1.0 if arm == "clean" else new[case.id][reader - 1], readers=2)
    index = only(analyse(made, rows).findings, "individual equivalence index", "attacked for clean").estimate
    assert index.value == pytest.approx(2 / 3)
    assert index.interval is not None
    assert 2 / 3 < index.interval[1] <= 1
