"""Letters are there before a title is written with them."""

from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import QObject

from napari_recon_robust.window.glyphs import _CHARACTERS, Glyphs
from napari_recon_robust.window.session import Session


def test_each_character_is_drawn_in_a_turn_of_its_own(viewer: Any, qtbot: Any) -> None:
    canvas, parent = viewer.window._qt_viewer.canvas, QObject()
    info = canvas.font_info()
    font = info.font_manager.get_font(info.face)
    glyphs = Glyphs(canvas, parent)
    before = len(font._glyphs)
    glyphs.begin()
    assert len(font._glyphs) == before
    qtbot.waitUntil(lambda: len(font._glyphs) > before, timeout=60_000)
    glyphs.begin()  # a second scan while they are drawn
    qtbot.waitUntil(lambda: not glyphs._timer.isActive(), timeout=60_000)
    assert set("Perturbed 2.5% · ROI SSIM 0.71, η×") <= set(font._glyphs)
    glyphs.begin()
    assert not glyphs._timer.isActive()


@pytest.mark.slow
def test_titles_of_the_sample_draw_no_more(review: Session, until: Callable[[Callable[[], object]], None]) -> None:
    review.open_sample()
    until(lambda: not review._glyphs._timer.isActive())
    font = review._glyphs._font
    until(lambda: review.bench.reconstruction.shown is not None and review.panels.settled)
    assert {*"Sample·ROISSIM0.89%"} <= {*font._glyphs} <= {*_CHARACTERS}
