"""Lines keep their width on the screen."""

from collections.abc import Callable
from typing import Any

import pytest

from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def test_lines_stay_thin_however_the_picture_is_magnified(review: Session, until: Until) -> None:
    panels, view = review.panels, review.looking.region_view
    camera = panels.viewer.scene.camera
    review.bench.regions.choose(review.bench.regions.on(1))

    def on_screen() -> float:
        """The width of the first outline, in pixels of the screen."""
        return float(panels.panels["clean"].regions.edge_width[0]) * camera.zoom

    whole = on_screen()
    camera.zoom *= 4  # as the wheel does
    until(lambda: on_screen() == pytest.approx(whole, rel=0.1))
    view.toggle()
    until(lambda: on_screen() == pytest.approx(whole, rel=0.1))
    view.toggle()
    until(lambda: on_screen() == pytest.approx(whole, rel=0.1))
    panels.viewer.reset_view()
    until(lambda: on_screen() == pytest.approx(whole, rel=0.1))


def test_panels_that_are_closed_meanwhile_are_left_alone(
    review: Session, viewer: Any, until: Until, qtbot: Any
) -> None:
    review.panels.viewer.scene.camera.zoom *= 4
    for page in list(review.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not review.docks)
    qtbot.wait(200)  # pytest-qt fails where anything is raised meanwhile
    assert review.panels.geometry is None
