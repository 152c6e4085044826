from typing import Any

import numpy as np
import pytest

from helpers.answers import cases, chosen, only
from helpers.reading import plan
from napari_recon_robust.reader_studies.analysis import analyse

THREE = [{"name": name, "image": "clean"} for name in ("clean", "attacked", "random")]
RANK = [{"id": "rank", "kind": "ranking", "text": "Rank"}]


def ordered(best: list[str]) -> Any:
    return lambda arms, *_: {"order": [arms.index(name) for name in best]}


def test_the_rank_is_of_the_arm_and_not_of_the_position() -> None:
    made = plan(questions=RANK, arms=THREE, cases=cases(9))
    findings = analyse(made, chosen(made, ordered(["attacked", "clean", "random"]))).findings
    assert [only(findings, "mean rank", arm).estimate.value for arm in ("clean", "attacked", "random")] == [2, 1, 3]
    assert only(findings, "places ahead", "clean − attacked").estimate.value == -1
    assert only(findings, "share ranked before", "attacked − random").estimate.value == 1
    friedman = only(findings, "Friedman's chi squared of equal ranks", "all")
    assert (friedman.estimate.value, friedman.estimate.units) == (pytest.approx(18), 9)  # n (k - 1) where all agree
    assert only(findings, "Kendall's W between readers", "all").estimate.value == 1


def test_the_endpoint_counts_places_and_repeats_agree() -> None:
    endpoint = {"question": "rank", "measure": "mean", "arms": ["clean", "random"], "margin": 0.5}
    made, rng = plan(questions=RANK, arms=THREE, cases=cases(24), endpoint=endpoint), np.random.default_rng(0)

    def order(arms: list[str], *_: Any) -> dict[str, list[int]]:
        seen = [rng.normal() + 2 * (name == "clean") for name in arms]
        return {"order": [int(place) for place in np.argsort(seen)[::-1]]}

    rows = chosen(made, order)
    again = [{**row, "purpose": "repeat"} for row in rows[:6]]
    analysis = analyse(made, rows + again)
    assert "clean is better" in analysis.endpoint
    own = only(analysis.findings, "Kendall's W of repeated readings", "all")
    assert (own.estimate.value, own.note) == (1, "6 repeated readings")
