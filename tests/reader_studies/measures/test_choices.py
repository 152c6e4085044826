from typing import Any

import numpy as np
import pytest

from helpers.answers import cases, chosen, only
from helpers.reading import PAIRS, plan
from napari_recon_robust.reader_studies.analysis import analyse

ARMS = ["clean", "attacked"]
THREE = [{"name": name, "image": "clean"} for name in ("clean", "attacked", "random")]


def test_the_best_of_three_is_found_wherever_it_stands() -> None:
    made = plan(questions=PAIRS, arms=THREE, cases=cases(30))
    analysis = analyse(made, chosen(made, lambda arms, *_: {"choice": arms.index("clean")}))
    findings = analysis.findings
    clean = only(findings, "share of choices", "clean")
    assert (clean.estimate.value, clean.null, clean.note) == (1, pytest.approx(1 / 3), "chance is 0.333")
    assert clean.estimate.interval is not None
    assert 0.8 < clean.estimate.interval[0] < 1
    assert only(findings, "share of choices", "random").estimate.value == 0
    assert only(findings, "share at position B", "all").estimate.value == pytest.approx(1 / 3)
    assert only(findings, "share at position A", "all").p == 1
    assert only(findings, "sensitivity d'", "clean").estimate.value > 3
    assert only(findings, "difference of shares", "clean − random").estimate.interval is None  # nothing varies
    assert "preference: no Fleiss' kappa between readers, all, since no reader's answers vary." in analysis.remarks


def test_the_endpoint_of_several_arms_is_their_difference() -> None:
    endpoint = {"question": "preference", "measure": "preference", "arms": ["random", "attacked"], "margin": 0.1}
    made, rng = plan(questions=PAIRS, arms=THREE, cases=cases(60), endpoint=endpoint), np.random.default_rng(0)

    def choice(arms: list[str], *_: Any) -> dict[str, int]:
        return {"choice": arms.index("random" if rng.random() < 0.8 else "attacked")}

    assert "random is better" in analyse(made, chosen(made, choice)).endpoint


def test_the_share_without_a_preferred_position_is_that_of_the_first_arm() -> None:
    """16 of 20 choices, 8 of 10 at either position: H = 8.5 / 11 and F = 2.5 / 11, so that d' = sqrt(2) 0.748."""
    made = plan(questions=PAIRS, cases=cases(20))
    rows = chosen(made, lambda arms, case, _: {"choice": arms.index(ARMS[int(case.id[1:]) >= 16])}, readers=1)
    found = only(analyse(made, rows).findings, "share without preferring a position", "clean")
    assert found.estimate.value == pytest.approx(8.5 / 11)
    assert "d' 1.06" in found.note


def test_cases_of_one_patient_have_an_interval_over_patients() -> None:
    made = plan(questions=PAIRS, cases=cases(40, patients=8))
    rng = np.random.default_rng(0)
    findings = analyse(made, chosen(made, lambda *_: {"choice": int(rng.integers(2))}, readers=1)).findings
    own = only(findings, "share of choices of R1", "clean")
    assert (own.estimate.units, own.units) == (8, "patients")
    corrected = only(findings, "share without preferring a position", "clean")
    assert "Hotelling's" in corrected.note


def test_an_arm_that_never_moved_is_said() -> None:
    made = plan(questions=PAIRS, cases=cases(10))
    rows = chosen(made, lambda *_: {"choice": 0})
    rows = [row for row in rows if row["arms"][0] == "clean"]
    analysis = analyse(made, rows)
    assert any("always stood at the same position" in remark for remark in analysis.remarks)
