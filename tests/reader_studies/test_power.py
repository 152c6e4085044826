import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from helpers.answers import row
from helpers.reading import LESION, PAIRS, plan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies import power as power_module
from napari_recon_robust.reader_studies.analysis import analyse
from napari_recon_robust.reader_studies.marks import Mark, Marks
from napari_recon_robust.reader_studies.order import draw
from napari_recon_robust.reader_studies.plan import Plan
from napari_recon_robust.reader_studies.power import Size, power, sizes, table, variances_of
from napari_recon_robust.reader_studies.ratings import Ratings
from napari_recon_robust.statistics.readers.obuchowski_rockette import Components, components
from napari_recon_robust.statistics.readers.roc import areas, covariance
from napari_recon_robust.statistics.readers.sample_size import VAN_DYKE, Variances, design_effect
from napari_recon_robust.statistics.readers.visual_grading import visual_grading

ARMS = ["clean", "attacked"]
MARKS = [{"id": "lesion", "kind": "free-response", "text": "Where?"}]
RANKS = [{"id": "rank", "kind": "ranking", "text": "Rank"}]


def planned(measure: str, margin: float, cases: int = 40, readers: int = 4, questions: Any = None) -> Plan:
    if questions is None:
        of_lesion = measure in ("auc", "sensitivity", "specificity", "wafroc")
        questions = {"preference": PAIRS, "wafroc": MARKS}.get(measure, LESION if of_lesion else None)
    changes = {} if questions is None else {"questions": questions}
    question = "sharpness" if questions is None else questions[0]["id"]
    entries = [{"id": f"c{at}", "saved": "c", "patient": f"p{at}", "lesion": at % 2 == 0} for at in range(cases)]
    endpoint = {"question": question, "measure": measure, "arms": ARMS, "margin": margin}
    return plan(cases=entries, design={"readers": readers}, endpoint=endpoint, **changes)


def shared_of(planned: Plan, draws: int) -> float:
    found = power(planned, draws=draws)
    assert found is not None
    return found.share


@pytest.mark.parametrize(
    ("measure", "draws"),
    [("mean", 300), ("preference", 300), ("auc", 60), ("wafroc", 60), ("sensitivity", 60), ("specificity", 60)],
)
def test_without_a_difference_a_study_finds_one_as_often_as_its_level_says(measure: str, draws: int) -> None:
    """At 5% more than 8 of 60 or 26 of 300 are found once in 500 times."""
    assert shared_of(planned(measure, 1e-9), draws) <= {60: 8.5 / 60, 300: 26.5 / 300}[draws]


def test_the_power_has_an_exact_interval() -> None:
    text = power_module.Power(1.0, 400, "all choices are for one").text
    assert text == "power: 100% (95% interval 99.1 to 100.0%, 400 simulated studies), if all choices are for one"


def test_choices_that_are_all_for_one_arm_show_it() -> None:
    """Six patients suffice, and five do not, however many readers there are."""
    assert shared_of(planned("preference", 1.0, cases=6), 20) == 1
    assert shared_of(planned("preference", 1.0, cases=5, readers=10), 20) == 0


@pytest.mark.parametrize(("measure", "patients"), [("auc", 4), ("sensitivity", 4), ("specificity", 8), ("wafroc", 4)])
def test_simulated_studies_are_compared_as_those_that_are_read(
    monkeypatch: pytest.MonkeyPatch, measure: str, patients: int
) -> None:
    """By the number of patients, of whom four of twelve have a lesion."""
    asked, compare = [], power_module.compare

    def noted(*arguments: Any, **named: Any) -> Any:
        asked.append(named["patients"])
        return compare(*arguments, **named)

    monkeypatch.setattr(power_module, "compare", noted)
    made = planned(measure, 0.2, cases=12)
    entries = [case.model_copy(update={"lesion": at < 4}) for at, case in enumerate(made.cases)]
    power(made.model_copy(update={"cases": tuple(entries)}), draws=1)
    assert asked == [patients]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "margin", "draws"),
    [("mean", 0.3, 100), ("preference", 0.2, 100), ("auc", 0.1, 50), ("specificity", 0.15, 50)],
)
def test_more_cases_have_more_power(measure: str, margin: float, draws: int) -> None:
    few, many = (shared_of(planned(measure, margin, cases), draws) for cases in (12, 80))
    assert few + 0.15 < many


@pytest.mark.slow
def test_visual_grading_and_interchangeability_are_simulated() -> None:
    assert shared_of(planned("visual-grading", 1e-9, 20), 20) <= 0.25
    assert shared_of(planned("visual-grading", 0.3, 20), 10) == 1
    few, many = (shared_of(planned("interchangeability", 0.08, cases), 60) for cases in (10, 120))
    assert few + 0.3 < many


@pytest.mark.parametrize("area", [0.5, 0.6, 0.75, 0.95])
def test_scores_have_the_area_that_is_assumed_also_once_they_are_levels(area: float) -> None:
    means = power_module._shift_of(area)[:, None]
    first, second = np.clip(np.rint(means + np.random.default_rng(0).standard_normal((2, 100_000))), -2, 2)
    assert visual_grading(first[None], second[None], [0] * first.size).area.value == pytest.approx(area, abs=0.005)


@pytest.mark.slow
def test_many_readers_of_few_cases_show_no_more_than_these_cases_do_by_visual_grading() -> None:
    """Of the difference of two scores 0.6 is the case's for all readers, in whose t test alone it is found in 40%."""
    apart = float(-np.diff(power_module._shift_of(0.62))[0]) / 0.6**0.5
    expected = stats.nct.sf(stats.t.ppf(0.975, 9), 9, apart * 10**0.5)
    assert 0.2 < shared_of(planned("visual-grading", 0.12, 10, readers=12), 200) < expected + 0.1


def test_ranks_and_choices_among_several_arms_are_simulated() -> None:
    three = [*plan().arms, plan().arms[0].model_copy(update={"name": "random"})]
    for measure, questions in (("mean", RANKS), ("preference", PAIRS)):
        made = planned(measure, 0.5, 30, questions=questions).model_copy(update={"arms": tuple(three)})
        assert shared_of(made, 100) > 0.5
        found = power(made, draws=50)
        assert found is not None
        assert ("ranks differ" if measure == "mean" else "58% of choices") in found.text


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["auc", "wafroc", "sensitivity"])
def test_further_arms_are_simulated_as_they_are_analysed(measure: str) -> None:
    """Three arms have twice the degrees of freedom of two readers' disagreement, which few readers lack."""
    two = planned(measure, 0.15 if measure != "sensitivity" else 0.25, 80, readers=2)
    arms = (*two.arms, *[two.arms[0].model_copy(update={"name": name}) for name in ("random", "other")])
    many = two.model_copy(update={"arms": arms})
    found = power(many, draws=150)
    assert found is not None
    assert found.share > shared_of(two, 150) + 0.05
    assert "others are as the better one" in found.text
    assert shared_of(planned(measure, 1e-9, 80).model_copy(update={"arms": arms}), 60) <= 8.5 / 60


def test_the_margin_of_a_preference_is_the_difference_of_the_arms() -> None:
    """70% and 30%, of which 20 choices of one reader show a difference where at least 15, or at most 5, are for one."""
    found = power(planned("preference", 0.4, 20, 1), draws=2000)
    assert found is not None
    assert "if 70% of choices are for clean, 30% for the other" in found.text
    expected = stats.binom.sf(14, 20, 0.7) + stats.binom.cdf(5, 20, 0.7)
    assert found.share == pytest.approx(expected, abs=0.04)


def test_a_large_margin_among_several_arms_is_still_the_difference_of_their_shares() -> None:
    three = [*plan().arms, plan().arms[0].model_copy(update={"name": "random"})]
    made = planned("preference", 0.8, 12, questions=PAIRS).model_copy(update={"arms": tuple(three)})
    found = power(made, draws=10)
    assert found is not None
    assert "if 80% of choices are for clean, 0% for the other" in found.text


def test_a_paired_t_test_has_its_known_power() -> None:
    """20 patients, one reader, an effect of 0.66 standard deviations: 80%, by the noncentral t distribution."""
    expected = stats.nct.sf(stats.t.ppf(0.975, 19), 19, 0.66 * 20**0.5)
    found = power(planned("mean", 0.66, 20, 1), draws=4000)
    assert found is not None
    assert found.share == pytest.approx(expected, abs=0.02)
    assert "scores differ by 0.66" in found.text


def test_without_an_endpoint_or_enough_readers_nothing_is_said() -> None:
    assert power(plan()) is None
    assert power(planned("auc", 0.1, readers=1)) is None
    assert power(planned("mean", 0.1, cases=2)) is None
    assert power(planned("interchangeability", 0.1, readers=1)) is None


def test_a_table_has_a_line_for_each_number_of_readers() -> None:
    lines = table(planned("mean", 0.4, 10), readers=(1, 4), times=(1, 3))
    shares = [[int(cell.split("%")[0]) for cell in line.partition(": ")[2].split(", ")] for line in lines]
    assert lines[0].startswith("1 reader: ")
    assert lines[1].endswith("% with 30 cases")
    assert shares[0][0] < shares[0][1]
    assert shares[0][0] < shares[1][1]
    assert table(planned("auc", 0.1, 10), readers=(1,), times=(1,)) == ["1 reader: –"]


def test_more_patients_keep_their_cases_together() -> None:
    size = Size(2, np.array([0, 0, 1]), np.array([3, 0, 1]), np.array([0, 0, 1])).scaled(5, 2)
    assert (size.readers, size.patients.tolist(), size.lesions.tolist()) == (5, [0, 0, 1, 2, 2, 3], [3, 0, 1, 3, 0, 1])
    assert size.assigned.astype(int).tolist() == [[1, 1, 0] * 2, [0, 0, 1] * 2] * 2 + [[1, 1, 0] * 2]


def clustered(measure: str, margin: float, cases: int, of_patient: int, lesions: int = 1) -> Plan:
    """Cases of one patient have the same truth; each with a lesion has so many."""
    made = planned(measure, margin, cases)
    place = {"shapes": [{"kind": "box", "row": 1, "column": 2, "height": 1, "width": 1}]}
    entries = [
        {"id": f"c{at}", "saved": "c", "patient": f"p{at // of_patient}", "lesion": True, "place": [place] * lesions}
        if at // of_patient % 2 == 0
        else {"id": f"c{at}", "saved": "c", "patient": f"p{at // of_patient}", "lesion": False}
        for at in range(cases)
    ]
    return Plan.model_validate({**made.model_dump(mode="json"), "cases": entries})


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["auc", "wafroc", "sensitivity", "visual-grading"])
def test_cases_of_one_patient_tell_as_much_as_the_design_effect_says(measure: str) -> None:
    """80 cases, four of each patient, are worth 80 / (1 + 3 / 2) = 32 independent ones, not 80."""
    margin = 0.15 if measure == "sensitivity" else 0.1
    whole, few, many = (clustered(measure, margin, *sizes) for sizes in ((80, 4), (32, 1), (80, 1)))
    assert Size.of(whole).design_effect == 2.5
    shares = [shared_of(one, 200) for one in (whole, few, many)]
    assert shares[0] == pytest.approx(shares[1], abs=0.13)  # three standard errors of their difference
    assert shares[2] > shares[0] + 0.15
    found = power(whole, draws=20)
    assert found is not None
    assert found.text.endswith("and 50% of the variance of ratings is the patient's")


@pytest.mark.slow
def test_without_a_difference_clusters_find_none_either() -> None:
    assert shared_of(clustered("auc", 1e-9, 48, 4), 100) <= 0.13
    assert shared_of(clustered("wafroc", 1e-9, 48, 2, lesions=3), 100) <= 0.13


@pytest.mark.slow
def test_several_lesions_of_a_case_vary_as_their_design_effect_says() -> None:
    """The mean over m lesions of a case has (1 + (m - 1) / 2) / m of the variance of one, here 2 / 3 of it."""
    rng, truth = np.random.default_rng(0), np.ones(3000, bool)
    of = np.repeat(np.arange(1000), 3)
    ratings = power_module._ratings(np.zeros(2), 2, truth, of, rng)
    mean = ratings.reshape(2, 2, 1000, 3).mean(3)
    apart = mean - mean.mean(2, keepdims=True)  # readers shift all lesions alike
    assert (apart**2).mean() == pytest.approx(2 / 3, abs=0.05)
    of_lesions = [shared_of(clustered("wafroc", 0.12, 40, 1, lesions=lesions), 150) for lesions in (1, 6)]
    assert of_lesions[1] > of_lesions[0] - 0.05  # more lesions in as many cases tell no less


@pytest.mark.slow
def test_the_formula_with_its_design_effect_agrees_with_simulated_studies() -> None:
    """The variances of simulated studies of independent cases, and the power with four cases of each patient."""
    rng, independent = np.random.default_rng(1), Size.of(clustered("auc", 0.1, 80, 1))
    shift = np.sqrt(2) * stats.norm.ppf([0.85, 0.75])
    found = []
    for _ in range(200):
        ratings = power_module._ratings(shift, 4, independent.truth, independent.patients, rng)
        errors = covariance(ratings, independent.truth, "unbiased")
        found.append(list(vars(components(areas(ratings, independent.truth), errors)).values()))
    variances = Variances.of(Components(*np.mean(found, 0)), 80)
    simulated = shared_of(clustered("auc", 0.1, 80, 4), 300)
    assert variances.clustered(2.5).power(0.1, 4, 80) == pytest.approx(simulated, abs=0.1)
    assert variances.power(0.1, 4, 80) > simulated + 0.15


def split(measure: str, margin: float, cases: int, readers: int, groups: int) -> Plan:
    made = planned(measure, margin, cases).model_dump(mode="json")
    return Plan.model_validate({**made, "design": {"kind": "split-plot", "readers": readers, "groups": groups}})


def analysed(made: Plan, draws: int) -> float:
    """The share of simulated studies in which `analyse` shows the endpoint of a plan: each reader reads what the plan
    has drawn for his group, and rates by the model that is assumed."""
    rng, endpoint, found = np.random.default_rng(3), made.endpoint, []
    assert endpoint is not None
    read = {(one.reader, one.case) for one in draw(made, str)}
    best = 0.85 if endpoint.measure == "auc" else 0.8
    edges = (np.sqrt(2) if endpoint.measure == "auc" else 1) * stats.norm.ppf([best, best - endpoint.margin])
    truth, patients = np.array([bool(case.lesion) for case in made.read]), np.arange(len(made.read))
    for _ in range(draws):
        values = 50 + power_module._ratings(edges, made.design.readers, truth, patients, rng)
        rows = [
            row(reader=f"R{number + 1}", case=case.id, patient=case.patient, arm=arm, question="lesion",
                lesion=case.lesion, score=float(values[which, number, at]))
            for which, arm in enumerate(ARMS)
            for number in range(made.design.readers)
            for at, case in enumerate(made.read)
            if (f"R{number + 1}", case.id) in read
        ]  # fmt: skip
        found.append("The interval excludes 0: clean is better." in analyse(made, rows).endpoint)
    return float(np.mean(found))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("measure", "margin", "cases", "readers", "groups"), [("auc", 0.15, 120, 6, 3), ("sensitivity", 0.25, 100, 4, 2)]
)
def test_the_power_of_a_split_plot_is_that_of_studies_which_are_simulated_and_analysed(
    measure: str, margin: float, cases: int, readers: int, groups: int
) -> None:
    """About 93% and 86%; two readers of all cases, who are each as many as read a case, have 77% and 67%."""
    made = split(measure, margin, cases, readers, groups)
    said = shared_of(made, 200)
    assert said == pytest.approx(analysed(made, 80), abs=0.13)  # three standard errors
    crossed = planned(measure, margin, cases, readers // groups)
    assert said > shared_of(crossed, 200) + 0.08


@pytest.mark.parametrize("measure", ["mean", "preference", "auc", "sensitivity"])
def test_a_split_plot_without_a_difference_finds_one_as_often_as_its_level_says(measure: str) -> None:
    """At 5% more than 8 of 60 are found once in 500 times."""
    assert shared_of(split(measure, 1e-9, 48, 4, 2), 60) <= 8.5 / 60


@pytest.mark.slow
def test_scores_of_a_split_plot_have_the_power_of_their_variance() -> None:
    """The mean over 4 readers of 20 patients each, of whom two share theirs: of variance 1, 1.1% is the readers', and
    of the rest half the patients' and half each reading's. Student's t has 3 to 38 degrees of freedom."""
    rest = 1 - power_module.OF_READERS
    error = np.sqrt(power_module.OF_READERS / 4 + rest * (0.5 / 40 + 0.5 / 80))
    said = shared_of(split("mean", 0.4, 40, 4, 2), 600)
    low, high = (stats.nct.sf(stats.t.ppf(0.975, freedom), freedom, 0.4 / error) for freedom in (3, 38))
    assert low < said < high
    assert said > shared_of(planned("mean", 0.4, 40, 2), 600) + 0.05


def test_a_split_plot_of_one_reader_in_each_group_has_a_power_and_none_of_interchangeability() -> None:
    found = power(split("auc", 0.2, 80, 4, 4), draws=20)
    assert found is not None
    assert power(split("interchangeability", 0.1, 80, 4, 4), draws=20) is None
    assert power(split("interchangeability", 0.1, 80, 4, 2), draws=20) is not None
    assert power(split("wafroc", 0.2, 40, 4, 2), draws=5) is not None
    assert power(split("visual-grading", 0.2, 40, 4, 2), draws=5) is not None
    assert power(split("mean", 0.2, 8, 4, 4), draws=5) is None  # nobody reads three patients
    lines = table(split("mean", 0.4, 24, 4, 2), times=(1,))
    assert [line.split(":")[0] for line in lines] == ["2 readers", "4 readers", "6 readers", "8 readers"]
    assert sizes(0.1, groups=3)[0].startswith("3 readers: ")


@pytest.mark.thorough
def test_the_formula_agrees_with_simulated_split_plots() -> None:
    """With the variances of simulated crossed studies, the power of 6 readers in 3 groups, each of a third of cases."""
    rng, made = np.random.default_rng(2), split("auc", 0.12, 150, 6, 3)
    truth, patients = Size.of(made).truth, Size.of(made).patients
    found = []
    for _ in range(150):
        ratings = power_module._ratings(np.sqrt(2) * stats.norm.ppf([0.85, 0.73]), 6, truth, patients, rng)
        errors = covariance(ratings, truth, "unbiased")
        found.append(list(vars(components(areas(ratings, truth), errors)).values()))
    variances = Variances.of(Components(*np.mean(found, 0)), 150)
    assert variances.power(0.12, 6, 150, 3) == pytest.approx(shared_of(made, 400), abs=0.08)
    assert variances.power(0.12, 6, 150, 3) < variances.power(0.12, 6, 150) - 0.05


def test_sizes_are_those_that_rjafroc_gives_for_van_dykes_readers(shared: Path) -> None:
    """251 cases for 6 readers, 163 for 10, from the published figures as from the readers' ratings."""
    with (shared / "data/readers/vandyke.csv").open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    names = ("treatment", "reader", "case")
    places = {name: sorted({one[name] for one in read}) for name in names}
    values, truth = np.zeros([len(places[name]) for name in names]), np.zeros(114, bool)
    for one in read:
        at = tuple(places[name].index(one[name]) for name in names)
        values[at], truth[at[2]] = float(one["rating"]), one["truth"] == "1"
    arms, readers, cases = (tuple(places[name]) for name in names)
    pilot = variances_of(Ratings(arms, readers, cases, cases, truth, values), "auc")
    expected = ["6 readers: 251 cases", "10 readers: 163 cases"]
    assert sizes(0.04380032, readers=(6, 10)) == sizes(0.04380032, pilot, (6, 10)) == expected
    assert sizes(0.04380032, VAN_DYKE.clustered(design_effect([1] * 9, 0.5)), (6, 10)) == expected
    assert sizes(0.005, readers=(3,)) == ["3 readers: no number of cases up to 5000"]
    assert sizes(0.063, readers=(3,)) == ["3 readers: 575 cases, but not 2621 or more"]
    with pytest.raises(InputError, match="a pilot of one arm"):
        variances_of(Ratings(arms[:1], readers, cases, cases, truth, values[:1]), "auc")
    with pytest.raises(InputError, match="fewer than two readers"):
        variances_of(Ratings(arms, readers[:1], cases, cases, truth, values[:, :1]), "auc")


def test_a_split_plot_pilot_shows_the_variances_of_a_crossed_one() -> None:
    """Of 60 simulated pilots, of which readers read all cases, or every other one."""
    rng, truth, patients = np.random.default_rng(0), np.arange(120) % 4 < 2, np.arange(120)
    names, cases, found = ("R1", "R2", "R3", "R4"), tuple(map(str, patients)), []
    every_other = np.arange(4)[:, None] % 2 == patients % 2
    for _ in range(60):
        values = power_module._ratings(np.array([1.5, 1.0]), 4, truth, patients, rng)
        for read in (True, every_other):
            pilot = Ratings(("a", "b"), names, cases, cases, truth, np.where(read, values, np.nan))
            one = variances_of(pilot, "auc")
            found.append((one.cases, one.cases * one.error, one.cases * one.shared))
    (all_cases, *crossed), (of_each, *parted) = np.mean(np.reshape(found, (60, 2, 3)), 0)
    assert (all_cases, of_each) == pytest.approx((120, 60))
    assert parted == pytest.approx(crossed, rel=0.1)


@pytest.mark.slow
def test_a_pilot_with_several_cases_of_a_patient_shows_the_variances_of_independent_ones() -> None:
    """120 cases, four of each patient, and as many of a patient each, by the mean over 40 pilots."""
    rng, truth, names = np.random.default_rng(5), np.arange(120) // 4 % 2 == 0, tuple(f"R{at}" for at in range(4))
    cases, found = tuple(f"c{at}" for at in range(120)), []
    for _ in range(40):
        for patients in (np.arange(120), np.arange(120) // 4):
            values = power_module._ratings(np.array([1.5, 1.0]), 4, truth, patients, rng)
            pilot = Ratings(("a", "b"), names, cases, tuple(map(str, patients)), truth, values)
            one = variances_of(pilot, "auc")
            found.append((one.error, one.shared))
    independent, several = np.mean(np.reshape(found, (40, 2, 2)), 0)
    assert several == pytest.approx(independent, rel=0.2)


def test_a_pilot_shows_the_variances_of_the_area_that_is_asked_for() -> None:
    """Of marks the highest is a case's rating; of ratings no wAFROC area is known."""
    rng, readers, cases = np.random.default_rng(3), ("R1", "R2", "R3"), tuple(f"c{at}" for at in range(24))
    lesions = tuple((0.5, 0.5) if at % 2 else () for at in range(24))
    marks = tuple(
        Mark(arm, reader, case, lesion, float(rng.normal(lesion > 0)))
        for arm in ARMS for reader in readers for case, weights in zip(cases, lesions, strict=True)
        for lesion in range(len(weights) + 1) if rng.random() < 0.6
    )  # fmt: skip
    unread = frozenset({("R1", "c0")})
    marks = tuple(mark for mark in marks if mark[1:3] != ("R1", "c0"))
    pilot = Marks(tuple(ARMS), readers, cases, cases, lesions, marks, unread)
    values = np.full((2, 3, 24), -9.0)
    for mark in marks:
        at = ARMS.index(mark.arm), readers.index(mark.reader), cases.index(mark.case)
        values[at] = max(values[at], mark.rating)
    values[:, 0, 0] = np.nan
    ratings = Ratings(pilot.arms, readers, cases, cases, np.array([bool(one) for one in lesions]), values)
    assert variances_of(pilot, "auc") == variances_of(ratings, "auc")
    assert variances_of(pilot, "wafroc").error != pytest.approx(variances_of(ratings, "auc").error, rel=0.1)
    with pytest.raises(InputError, match="the pilot has no marks"):
        variances_of(ratings, "wafroc")
