"""The review's keys, pressed in a window."""

from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from helpers.docks import dock_of
from napari_recon_robust.window.keys import Shortcuts
from napari_recon_robust.window.session import Session


@pytest.mark.slow
def test_the_keys_work_whichever_dock_is_in_front_and_alone(seen: Session) -> None:
    """The images are there all the time, and it is under Reconstruct that a knob is turned."""
    canvas = seen.panels.viewer.window._qt_viewer.canvas.native
    dock_of(seen, "Reconstruct").parent().raise_()
    for name in ("Perturb", "Compare"):
        dock_of(seen, name).parent().hide()
    QTest.qWait(50)  # Qt deletes in turns of the event loop
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_5)
    assert seen.panels.shown == ("reference",)


@pytest.mark.slow
def test_the_arrows_go_through_the_slices_as_the_list_of_keys_says(seen: Session) -> None:
    canvas, navigation = seen.panels.viewer.window._qt_viewer.canvas.native, seen.panels.navigation
    canvas.setFocus()
    before = navigation.slice
    for key, by in ((Qt.Key.Key_Right, 1), (Qt.Key.Key_Left, 0)):
        QTest.keyClick(canvas, key)
        assert navigation.slice == before + by


@pytest.mark.slow
def test_the_flicker_ends_where_another_window_takes_the_keys(
    seen: Session, until: Callable[[Callable[[], object]], None], qtbot: Any
) -> None:
    """The key is let go there, and this window never hears of it."""
    canvas, other = seen.panels.viewer.window._qt_viewer.canvas.native, QWidget()
    qtbot.addWidget(other)
    blinks = Shortcuts.of(seen)._blink
    canvas.setFocus()
    QTest.keyPress(canvas, Qt.Key.Key_G)
    assert blinks.isActive()
    other.show()
    other.activateWindow()
    until(other.isActiveWindow)
    assert not blinks.isActive()
    assert not seen.scene.view.flicker
