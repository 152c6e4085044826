"""A small plot: lines where their values are, few numbers beside it."""

from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings

from napari_recon_robust.controls.plot import Axes, Line, Plot, apart, ticks_of


@pytest.mark.parametrize("values", [[-0.2, 0.9], [0.1, 0.1], [0.0, 0.0], [3e-5, 8e-4], [-3.0, 150.0], [float("nan")]])
def test_ticks_are_few_and_round_and_hold_all_values(values: list[float]) -> None:
    ticks = ticks_of(values)
    assert 2 <= len(ticks) <= 4
    finite = [value for value in values if np.isfinite(value)]
    assert all(ticks[0] - 1e-12 <= value <= ticks[-1] + 1e-12 for value in finite)
    assert all(float(f"{tick:.3g}") == pytest.approx(tick, abs=1e-12) for tick in ticks)


def test_lines_are_where_their_values_are(qtbot: Any) -> None:
    """The brightest row of an orange line falls as its value does, and a line leaves out what is not finite."""
    plot = Plot()
    qtbot.addWidget(plot)
    plot.resize(330, 164)
    plot.show_lines([0, 1, 2], "x", [Axes("y", [Line("a", [1.0, 0.0, float("nan")])])])
    plot.show()
    (area,) = plot._areas()
    shot = plot.grab().toImage()

    def height(x: float) -> float:
        rows = [
            y for y in range(round(area.top()) - 4, round(area.bottom()) + 4) if _orange(shot.pixelColor(round(x), y))
        ]
        return float(np.mean(rows)) if rows else float("nan")

    assert height(area.left()) == pytest.approx(area.top(), abs=1)
    assert height(area.center().x()) == pytest.approx(area.bottom(), abs=1)
    assert height((area.left() + area.center().x()) / 2) == pytest.approx(area.center().y(), abs=2)
    assert np.isnan(height(area.right()))


def test_a_spread_that_is_not_known_is_left_out(qtbot: Any) -> None:
    """Of one mask there is no spread, of the masks beside it there is."""
    plot = Plot()
    qtbot.addWidget(plot)
    plot.resize(330, 164)
    plot.show_lines([0, 1], "x", [Axes("y", [Line("a", [1.0, 0.5], [None, 0.5])])])
    plot.show()
    (area,) = plot._areas()
    shot = plot.grab().toImage()
    rows = range(round(area.top()), round(area.bottom()))
    left, right = (
        sum(shot.pixelColor(round(x), y).red() > shot.pixelColor(round(x), y).blue() + 30 for y in rows)
        for x in (area.left(), area.right())
    )
    assert right > 0.8 * area.height(), "from 0 to 1"
    assert 0 < left < 0.2 * area.height()


def _orange(colour: Any) -> bool:
    return bool(colour.red() > 180 and colour.blue() < 110 and colour.red() - colour.blue() > 90)


@pytest.mark.parametrize("size", [9, 16, 20])
def test_no_number_is_cut_off_or_lies_on_another_in_large_letters(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(get_settings().appearance, "font_size", size)
    plot = Plot()
    qtbot.addWidget(plot)
    plot.resize(330, plot.height())
    lines = [Line("Perturbed", [0.21, 0.84]), Line("Random noise of the same size", [0.3, 0.5])]
    plot.show_lines([0, 1], "x", [Axes("y", lines), Axes("z", lines)])
    plot.show()
    for area in plot._areas():
        assert area.height() / (len(plot._ticks[0]) - 1) >= plot.row
        assert area.top() >= (1 + len(plot._names())) * plot.row
        assert area.bottom() + 2 * plot.row < plot.height()


def test_numbers_that_would_touch_give_way_to_the_ends() -> None:
    lefts, widths = [0.0, 20.0, 60.0, 100.0], [24.0] * 4
    assert apart(lefts, widths, (0, 3, 2, 1)) == [0, 3, 2]
    assert apart(lefts, widths, (1, 0, 3, 2)) == [1, 3, 2]
