from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, count, pairwise, product
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from helpers.reading import PAIRS, QUALITY, plan
from napari_recon_robust.reader_studies.order import BLOCK, Presentation, draw, positions, williams
from napari_recon_robust.reader_studies.plan import Plan


def drawn(plan: Plan, secret: str = "") -> list[Presentation]:
    numbers = count()
    return draw(plan, lambda: str(next(numbers)), secret)


def of(presentations: list[Presentation], reader: str, sitting: int = 0) -> list[Presentation]:
    return [one for one in presentations if one.reader == reader and one.sitting == sitting]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
def test_in_a_williams_square_each_arm_follows_each_other_equally_often(size: int) -> None:
    rows = williams(size)
    after = Counter(pair for row in rows for pair in pairwise(row))
    assert len(after) == size * (size - 1)
    assert len(set(after.values())) == 1
    for place in zip(*rows, strict=True):
        assert len(set(Counter(place).values())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 3, 4])
def test_the_positions_of_a_forced_choice_are_fair(arms: int) -> None:
    """One of the field's tools shows the signal at the right in two of three trials, and last in two of five."""
    rng = np.random.default_rng(0)
    found = np.array([positions(arms, 7, rng, start) for start in range(10_000)])
    for at in range(7):
        assert chisquare(np.bincount(found[:, at, 0], minlength=arms)).pvalue > 1e-4
    block = max(BLOCK, len(williams(arms)))
    blocks = np.array([positions(arms, 4 * block, rng) for _ in range(50)]).reshape(-1, block, arms)
    for place in range(arms):
        for arm in range(arms):
            assert ((blocks[:, :, place] == arm).sum(1) == block // arms).all()


def test_what_a_block_leaves_over_evens_out_over_readers() -> None:
    rng = np.random.default_rng(0)
    first = Counter(row[0] for reader in range(6) for row in positions(3, 2, rng, 2 * reader))
    assert set(first.values()) == {4}


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("count", [7, 9, 12, 13])
@pytest.mark.parametrize("images", [2, 3, 4])
@pytest.mark.parametrize("at_once", [True, False])
def test_each_arm_is_as_often_at_each_place(at_once: bool, images: int, count: int, groups: int) -> None:
    """In each group of readers and in all, but for one. Of three arms one was first in 3 of 14 series, another in 7."""
    made = plan(
        arms=[{"name": name, "image": name} for name in ("clean", "perturbed", "random", "reference")[:images]],
        cases=[{"id": f"c{at}", "saved": "c0", "patient": f"p{at}", "lesion": at % 2 == 0} for at in range(count)],
        questions=PAIRS if at_once else [QUALITY],
        design={"readers": 4, "kind": "crossed" if groups == 1 else "split-plot", "groups": groups},
    )
    found = drawn(made)
    series: dict[tuple[str, str], list[str]] = {}
    for one in found:
        series.setdefault((one.reader, one.case), []).extend(one.arms)
    for some in ("R1 R2 R3 R4", "R1 R3", "R2 R4")[: 1 if groups == 1 else 3]:
        for place in range(images):
            times = Counter(arms[place] for (reader, _), arms in series.items() if reader in some)
            assert max(times.values()) - min(times[arm.name] for arm in made.arms) <= 1


@pytest.mark.parametrize("sittings", ["sequential", "separate"])
def test_each_reader_reads_each_case_in_each_arm_once(sittings: str) -> None:
    found = drawn(plan(design={"readers": 3, "sittings": sittings}))
    for reader in ("R1", "R2", "R3"):
        shown = [one for one in found if one.reader == reader]
        assert Counter((one.case, one.arms) for one in shown) == Counter(
            {(f"c{case}", (arm,)): 1 for case in range(6) for arm in ("clean", "attacked")}
        )
        for sitting in range(2 if sittings == "separate" else 1):
            block = [one.case for one in of(found, reader, sitting)][:6]
            assert sorted(block) == [f"c{case}" for case in range(6)]


def test_a_case_does_not_come_back_soon() -> None:
    for seed in range(30):
        shown = of(drawn(plan(seed=seed)), "R1")
        places: dict[str, list[int]] = {}
        for one in shown:
            places.setdefault(one.case, []).append(one.number)
        assert min(second - first for first, second in places.values()) > 6 // 2


def test_a_case_stays_in_the_same_half_of_each_sitting() -> None:
    halves: dict[tuple[str, str], set[bool]] = {}
    for one in drawn(plan(design={"readers": 2, "sittings": "separate"})):
        halves.setdefault((one.reader, one.case), set()).add(one.number < 6 // 2)
    assert {len(found) for found in halves.values()} == {1}


def pairs_of(slices: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The places at which a slice comes, and at which it comes next."""
    places: dict[str, list[int]] = {}
    for at, slice in enumerate(slices):
        places.setdefault(slice, []).append(at)
    return chain.from_iterable(map(pairwise, places.values()))


@pytest.mark.parametrize("questions", [[QUALITY], PAIRS])
def test_cases_of_one_slice_are_kept_apart(questions: list[dict[str, Any]]) -> None:
    """Twelve cases of six slices; by chance alone one would follow on another of its slice in most orders."""
    cases = [{"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at % 6}"} for at in range(12)]
    slices = {f"c{at}": f"c{at % 6}" for at in range(12)}
    again: dict[bool, list[int]] = {True: [], False: []}
    for seed, known in product(range(20), (True, False)):
        found = draw(plan(cases=cases, questions=questions, seed=seed), str, slices=slices if known else None)
        shown = of(found, "R1")
        assert Counter(one.case for one in shown) == dict.fromkeys(slices, 1 if questions == PAIRS else 2)
        again[known].append(min(second - first for first, second in pairs_of(slices[one.case] for one in shown)))
    assert min(again[True]) > 1
    assert Counter(again[False])[1] > 10


def test_no_two_readers_studies_or_sittings_share_an_order() -> None:
    found = drawn(plan(design={"readers": 4, "sittings": "separate"}))
    orders = [
        tuple(one.case for one in of(found, f"R{reader}", sitting)) for reader in range(1, 5) for sitting in (0, 1)
    ]
    other = drawn(plan(title="Another study"))
    assert len({*orders, tuple(one.case for one in of(other, "R1"))}) == 9


def test_the_same_plan_is_drawn_the_same_again_by_the_same_secret_alone() -> None:
    assert drawn(plan(), "a") == drawn(plan(), "a")
    assert drawn(plan(), "a") != drawn(plan(), "b")


@pytest.mark.parametrize("questions", [[QUALITY], PAIRS])
def test_no_place_tells_which_arm_of_the_plan_it_shows(questions: list[dict[str, Any]]) -> None:
    """Two of seven cases are for training, so that what a block leaves over is shown too: over 400 secrets each
    presentation of each reader begins with the plan's first arm about as often as with the other (four deviations)."""
    cases = [{"id": f"c{at}", "saved": "c0", "patient": f"p{at}", "training": at < 2} for at in range(7)]
    made = plan(questions=questions, cases=cases, design={"readers": 2, "repeats": 1})
    first = np.mean([[one.arms[0] == "clean" for one in drawn(made, str(secret))] for secret in range(400)], 0)
    assert np.abs(first - 0.5).max() < 4 * 0.5 / 20


def test_arms_are_balanced_at_each_place() -> None:
    found = drawn(plan(design={"readers": 2}))
    for block in (0, 1):
        first = [one.arms[0] for one in found if one.number // 6 == block]
        assert Counter(first) == {"clean": 6, "attacked": 6}


def test_arms_that_do_not_divide_the_cases_are_balanced_over_readers() -> None:
    """Of five cases one reader sees three in one arm first, and the other reader three in the other."""
    found = drawn(plan(cases=plan().cases[:5], design={"readers": 2, "sittings": "separate"}))
    assert Counter(one.arms[0] for one in found if one.sitting == 0) == {"clean": 5, "attacked": 5}


def test_repeats_come_at_the_end_in_the_same_arm_and_in_pairs_on_the_other_side() -> None:
    single = of(drawn(plan(design={"readers": 2, "repeats": 2})), "R1")
    assert [one.purpose for one in single[-3:]] == ["reading", "repeat", "repeat"]
    first = {(one.case, one.arms) for one in single[:6]}
    assert all((one.case, one.arms) in first for one in single[-2:])
    pairs = of(drawn(plan(questions=PAIRS, design={"readers": 2, "repeats": 2})), "R1")
    assert len(pairs) == 8
    assert all((one.case, one.arms[::-1]) in {(p.case, p.arms) for p in pairs[:6]} for one in pairs[-2:])


def test_all_arms_of_a_ranking_are_shown_at_once_and_a_repeat_moves_each_of_them() -> None:
    arms = [{"name": name, "image": "clean"} for name in ("one", "two", "three")]
    ranking = [{"id": "rank", "kind": "ranking", "text": "?"}]
    cases = [{"id": f"c{at}", "saved": "c0", "patient": f"p{at}", "training": at == 6} for at in range(7)]
    made = drawn(plan(arms=arms, questions=ranking, cases=cases, design={"readers": 1, "repeats": 2}))
    assert {frozenset(one.arms) for one in made} == {frozenset({"one", "two", "three"})}
    assert [one.purpose for one in made[:2]] == ["training", "reading"]
    for one in made[-2:]:
        before = next(other for other in made if other.case == one.case)
        assert all(now != then for now, then in zip(one.arms, before.arms, strict=True))


def test_groups_of_a_split_plot_share_no_patient_and_have_equally_many_lesions() -> None:
    values: dict[str, Any] = {
        "cases": [{"id": f"c{at}", "saved": "c0", "patient": f"p{at // 2}", "lesion": at % 4 < 2} for at in range(16)],
        "design": {"readers": 4, "kind": "split-plot", "groups": 2},
    }
    made = plan(**values)
    found = drawn(made)
    read = [{one.case for one in found if one.reader == reader} for reader in ("R1", "R2")]
    assert not read[0] & read[1]
    assert len(read[0]) == len(read[1]) == 8
    lesions = {case.id for case in made.cases if case.lesion}
    assert len(read[0] & lesions) == len(read[1] & lesions)
    patients = {case.id: case.patient for case in made.cases}
    assert not {patients[case] for case in read[0]} & {patients[case] for case in read[1]}


def test_training_comes_first_and_once() -> None:
    cases = [{"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "training": at < 2} for at in range(6)]
    shown = of(drawn(plan(cases=cases)), "R1")
    assert [one.purpose for one in shown[:3]] == ["training", "training", "reading"]
    assert len(shown) == 2 + 2 * 4
