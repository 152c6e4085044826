"""Widgets that paint their words follow the letters that a user has chosen."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtWidgets import QApplication

from napari_recon_robust.controls.curve import Curve
from napari_recon_robust.controls.lettered import Lettered
from napari_recon_robust.controls.plot import Axes, Line, Plot
from napari_recon_robust.controls.profile_plot import ProfilePlot


@pytest.fixture
def larger() -> Iterator[Callable[[], None]]:
    """Doubles the letters when it is called; afterwards they are as before."""
    appearance = get_settings().appearance
    size = appearance.font_size
    yield lambda: setattr(appearance, "font_size", 2 * size)
    appearance.font_size = size


@pytest.mark.parametrize("kind", [Plot, Curve, ProfilePlot])
def test_letters_grow_at_once_and_the_room_for_them(
    qtbot: Any, larger: Callable[[], None], kind: type[Lettered]
) -> None:
    one = kind()
    qtbot.addWidget(one)
    letters, room = one.fontMetrics().height(), one.sizeHint().height() if kind is ProfilePlot else one.height()
    larger()
    one.setStyleSheet("* { border: none; }")  # napari sets its own anew
    assert one.fontMetrics().height() == pytest.approx(2 * letters, abs=2)
    assert (one.sizeHint().height() if kind is ProfilePlot else one.height()) > room


@pytest.mark.parametrize("kind", [Plot, Curve, ProfilePlot])
def test_letters_are_napari_s_whatever_those_of_the_desktop_are(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch, kind: type[Lettered]
) -> None:
    """Those of all else in a dock are; numbers lay on each other."""
    large = QApplication.font()
    large.setPointSize(20)
    monkeypatch.setattr(QApplication, "font", lambda: large)
    one = kind()
    qtbot.addWidget(one)
    assert one.font().pointSize() == get_settings().appearance.font_size


@pytest.mark.parametrize("grown", [False, True])
def test_no_number_at_an_axis_is_cut(qtbot: Any, larger: Callable[[], None], grown: bool) -> None:
    if grown:
        larger()
    plot = Plot()
    qtbot.addWidget(plot)
    plot.resize(346, plot.height())
    lines = [Line("Perturbed", [0.855, 0.846]), Line("Random noise of the same size", [-0.855, 0.859])]
    plot.show_lines([0, 1], "x", [Axes("SSIM", lines), Axes("Relative RMSE", lines)])
    profile = ProfilePlot()
    qtbot.addWidget(profile)
    profile.resize(600, 200)
    profile.show_lines([0.0, 1.0], {"a": np.array([0.0, -0.0123])}, "x")
    for one, areas in ((plot, plot._areas()), (profile, [profile._area])):
        one.show()
        shot = one.grab().toImage()
        lefts = [0, *(round(area.right()) + 9 for area in areas[:-1])]
        for area, left in zip(areas, lefts, strict=True):
            rows = range(round(area.top()), round(area.bottom()))
            beside = [
                sum(shot.pixelColor(x, y).lightness() != shot.pixelColor(0, 0).lightness() for y in rows)
                for x in range(left, round(area.left()))
            ]
            assert sum(beside) > 20, "there are numbers"
            assert not any(beside[:2]), "with nothing at the edge, where they would be cut"
    assert all(area.height() > 50 for area in plot._areas())
