from typing import Any

import pytest

from helpers.reading import LESION, PAIRS, plan
from napari_recon_robust.reader_studies.plan import Plan
from napari_recon_robust.reader_studies.power import power

ARMS = ["clean", "attacked"]


def planned(measure: str, margin: float, cases: int = 40, readers: int = 4) -> Plan:
    questions: Any = {"mean": None, "preference": PAIRS}.get(measure, LESION)
    changes = {} if questions is None else {"questions": questions}
    question = {"mean": "sharpness", "preference": "preference"}.get(measure, "lesion")
    entries = [{"id": f"c{at}", "saved": "c", "patient": f"p{at}", "lesion": at % 2 == 0} for at in range(cases)]
    endpoint = {"question": question, "measure": measure, "arms": ARMS, "margin": margin}
    return plan(cases=entries, design={"readers": readers}, endpoint=endpoint, **changes)


@pytest.mark.parametrize("measure", ["mean", "preference", "auc", "sensitivity"])
def test_without_a_difference_a_study_finds_one_as_often_as_its_level_says(measure: str) -> None:
    found = power(planned(measure, 1e-9), draws=300)
    assert found is not None
    assert found.share <= 0.1


@pytest.mark.parametrize(("measure", "margin"), [("mean", 0.3), ("preference", 0.1), ("auc", 0.1)])
def test_more_cases_have_more_power(measure: str, margin: float) -> None:
    few, many = (power(planned(measure, margin, cases), draws=200) for cases in (12, 80))
    assert few is not None
    assert many is not None
    assert few.share + 0.15 < many.share


def test_a_paired_t_test_has_its_known_power() -> None:
    """20 patients, one reader, an effect of 0.66 standard deviations: 80% (statsmodels TTestPower)."""
    from statsmodels.stats.power import TTestPower

    expected = TTestPower().power(0.66, nobs=20, alpha=0.05)
    found = power(planned("mean", 0.66, 20, 1), draws=4000)
    assert found is not None
    assert found.share == pytest.approx(expected, abs=0.02)
    assert "scores differ by 0.66" in found.text


def test_without_an_endpoint_or_enough_readers_nothing_is_said() -> None:
    assert power(plan()) is None
    assert power(planned("auc", 0.1, readers=1)) is None
    assert power(planned("mean", 0.1, cases=2)) is None
