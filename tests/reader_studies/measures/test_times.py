from collections.abc import Callable
from typing import Any

import pytest

from helpers.answers import cases, only, scored
from helpers.reading import plan
from napari_recon_robust.reader_studies.analysis import analyse
from napari_recon_robust.reader_studies.plan import Plan
from napari_recon_robust.statistics.estimate import Estimate


def timed(made: Plan, seconds: Callable[[dict[str, Any]], float]) -> list[dict[str, Any]]:
    """One reader, each of whose presentations takes so many seconds."""
    rows = scored(made, lambda *_: 2.0, readers=1)
    return [{**one, "number": number, "seconds": seconds(one)} for number, one in enumerate(rows)]


def of_clean(made: Plan, rows: list[dict[str, Any]]) -> Estimate:
    return only(analyse(made, rows).findings, "seconds to the answer, geometric mean", "clean").estimate


def test_times_are_averaged_by_their_logarithms_and_told_in_seconds() -> None:
    """2, 4, 8 and 16 seconds are 2 to the 1, 2, 3 and 4, whose mean is 2.5 and whose variance is 5 / 3."""
    made = plan(cases=cases(4))
    found = of_clean(made, timed(made, lambda one: 2.0 ** (1 + int(one["case"][1]))))
    half = 3.182446 * (5 / 3 / 4) ** 0.5  # Student's t of 3 degrees of freedom
    assert found.value == pytest.approx(2**2.5)
    assert found.interval == pytest.approx((2 ** (2.5 - half), 2 ** (2.5 + half)))


def test_a_presentation_takes_until_the_last_of_its_questions() -> None:
    made = plan(cases=cases(4))
    rows = timed(made, lambda _: 8.0)
    rows += [{**one, "question": "another", "seconds": 2.0} for one in rows]
    assert of_clean(made, rows).value == pytest.approx(8)
