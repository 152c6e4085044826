import math
from dataclasses import replace

import pytest

from helpers.reported import frozen
from napari_recon_robust.perturbations.face import Series
from napari_recon_robust.reports.case_images import CaseImages
from napari_recon_robust.reports.curves import Chart, charts, ticks


def test_the_curve_over_the_budgets_begins_with_the_clean_image_and_has_the_control() -> None:
    case = frozen()
    similarity, error = charts(CaseImages(case))
    assert [line.role for line in similarity.lines] == ["found", "control"]
    assert [len(line.points) for line in error.lines] == [3, 3]
    heights = [y for _, y in similarity.lines[0].points]
    values = [case.results[0]["clean"]["roi"]["ssim"], *(one["perturbed"]["roi"]["ssim"] for one in case.results)]
    assert sorted(range(3), key=heights.__getitem__) == sorted(range(3), key=lambda at: -values[at])
    assert similarity.columns[0][1] == "0"


def test_the_budgets_are_in_percent_from_the_smallest_up() -> None:
    """However the case has them: budgets of 2% and 5%, on an axis of ticks at each percent."""
    case = frozen()
    small, large = (
        {**one, "budget": {**one["budget"], "nominal": nominal}}
        for one, nominal in zip(case.results, (0.02, 0.05), strict=True)
    )
    forward, backward = (
        charts(CaseImages(replace(case, results=results)))[0] for results in ([small, large], [large, small])
    )
    places = {text: place for place, text in forward.columns}
    assert [x for x, _ in forward.lines[0].points] == [places["0"], places["2"], places["5"]]
    assert backward.lines[0].points == forward.lines[0].points


def test_a_perturbation_with_a_curve_of_its_own_shows_that() -> None:
    shown = CaseImages(frozen("rotation"))
    curve = shown.curve
    assert curve is not None
    assert [(chart.across, chart.up) for chart in charts(shown)] == [
        (curve.over, panel.label) for panel in curve.panels
    ]


def test_one_without_budget_has_none() -> None:
    assert charts(CaseImages(frozen("motion"))) == []


def test_points_that_are_not_finite_are_left_out() -> None:
    chart = Chart.of("x", "y", [Series("a", (0.0, 1.0, 2.0), (1.0, math.nan, 3.0)), Series("b", (), ())])
    assert [len(line.points) for line in chart.lines] == [2, 0]
    case = frozen()
    without = {**case.results[0], "perturbed": {**case.results[0]["perturbed"], "roi": {"ssim": None, "nmse": 0.1}}}
    assert len(charts(CaseImages(replace(case, results=[without, case.results[1]])))[0].lines[0].points) == 2


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.41, 0.95), (0, 0), (5, 5), (-3e-7, 2e-6), (0, 730), (-8, -2)])
def test_ticks_are_round_and_enclose_the_values(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low + 1e-9 * abs(low)
    assert found[-1] >= high - 1e-9 * abs(high)
    assert 2 <= len(found) <= 7
    assert all(len(f"{value:g}") < 9 for value in found)


def test_values_below_zero_have_a_true_minus() -> None:
    chart = Chart.of("x", "y", [Series("a", (-1.0, 1.0), (-0.4, 0.8))])
    words = [text for _, text in (*chart.columns, *chart.rows)]
    assert any(text.startswith("−") for text in words)
    assert not any("-" in text for text in words)
