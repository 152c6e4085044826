"""Panels on a ViewerModel: no window, no display."""

from collections.abc import Callable

import pytest
from napari.components import ViewerModel

from helpers.windows import drawn_once, forgetful, review, seen, set_aside, until, viewer  # noqa: F401
from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.panel import ORDER
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW


class Later:
    """Stands for Qt's event loop."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def panels(later: Later) -> Panels:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry((5, 32, 40), (4.0, 0.5, 0.5), upright=FIRST_ROW_BELOW), start=2)
    panels.show(ORDER)
    later.run()
    return panels
