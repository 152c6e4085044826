"""napari's canvas and its welcome page while a review is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from napari.settings import get_settings
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QEnterEvent
from qtpy.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QTabBar

from helpers.colour_vision import contrast
from helpers.docks import dock_of
from napari_recon_robust.window.remembered import recall
from napari_recon_robust.window.session import PLUGIN, Session

Until = Callable[[Callable[[], object]], None]


def enter(widget: Any) -> None:
    place = QPointF(widget.rect().center())
    QApplication.sendEvent(widget, QEnterEvent(place, place, widget.mapToGlobal(place)))


def test_arrow_keys_over_the_picture_are_for_the_picture(review: Session, until: Until, qtbot: Any) -> None:
    perturb = dock_of(review, "Perturb")
    perturb.window().show()
    perturb.parent().raise_()
    until(perturb.isVisible)
    perturb.window().activateWindow()
    until(perturb.window().isActiveWindow)
    normal = next(one for one in perturb.findChildren(QPushButton) if one.text() == "Normal 5")
    review.bench.perturbing.set(steps=5)
    normal.setFocus()
    until(normal.hasFocus)
    canvas = review.panels.viewer.window._qt_viewer.canvas.native
    enter(canvas)
    until(lambda: QApplication.focusWidget() is canvas)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Right)
    assert review.bench.perturbing.knobs["steps"] == 5
    until(lambda: review.panels.navigation.slice == 2)


def test_no_welcome_page_while_a_scan_is_open_or_being_opened(
    viewer: Any, until: Until, scan_file: Path, tmp_path: Path
) -> None:
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    qt_viewer = session.panels.viewer.window._qt_viewer
    welcomed = qt_viewer.show_welcome_screen = True
    session.surroundings._welcome = True
    (tmp_path / "nothing.h5").write_bytes(b"")
    session.open(tmp_path / "nothing.h5")
    assert not qt_viewer.show_welcome_screen
    until(lambda: not session.jobs.busy())
    assert qt_viewer.show_welcome_screen is welcomed, "nothing is open"
    session.open(scan_file)
    line = session.surroundings._line
    assert (line.isHidden(), line.text()) == (False, f"Opening {scan_file.name}…")
    until(lambda: session.bench.acquisition.is_open)
    assert not qt_viewer.show_welcome_screen
    until(lambda: session.bench.reconstruction.shown is not None)
    assert not qt_viewer.show_welcome_screen
    assert line.isHidden(), "there is a picture"
    for page in list(session.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not session.docks)
    assert qt_viewer.show_welcome_screen is welcomed


def test_what_is_under_way_can_be_read_on_every_canvas(viewer: Any, until: Until) -> None:
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    line = session.surroundings._line

    def seen() -> float:
        line.ensurePolished()
        letters = np.array(line.palette().windowText().color().getRgbF()[:3])
        return contrast(letters, np.array(viewer.canvas.background_color[:3]))

    for theme in ("light", "dark", "light"):
        viewer.theme = theme
        assert seen() > 7, theme
    viewer.canvas.background_color_override = "black"  # as with a scan
    assert seen() > 7


def test_why_napari_s_buttons_are_put_back_is_said_at_the_foot(review: Session, until: Until) -> None:
    qt_viewer, viewer = review.panels.viewer.window._qt_viewer, review.panels.viewer
    for name in ("ndisplayButton", "rollDimsButton", "gridViewButton"):
        review.docks[0].foot.say("")
        getattr(qt_viewer.viewerButtons, name).click()
        assert "slices stay in their plane" in review.docks[0].foot.message.text(), name
        until(lambda: viewer.canvas.grid.enabled and viewer.dims.ndisplay == 2 and viewer.dims.order == (0, 1, 2))


def test_entering_counts_with_the_docks_open_only(review: Session, viewer: Any, until: Until) -> None:
    canvas = review.panels.viewer.window._qt_viewer.canvas.native
    for page in list(review.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not review.docks)
    canvas.clearFocus()
    enter(canvas)
    QApplication.sendPostedEvents(None, QEvent.Type.None_)
    assert QApplication.focusWidget() is not canvas


def test_the_number_of_slices_is_whole_in_large_letters(review: Session, until: Until) -> None:
    appearance = get_settings().appearance
    usual = appearance.font_size
    try:
        appearance.font_size = round(1.5 * usual)
        review.panels.navigation.go_to(0)
        dims = review.panels.viewer.window._qt_viewer.dims
        counts = dims.findChildren(QLabel, "slice_label")
        until(lambda: all(one.width() >= one.sizeHint().width() for one in counts))
    finally:
        appearance.font_size = usual


def test_the_titles_of_six_docks_are_read_to_the_end(review: Session, viewer: Any, until: Until) -> None:
    for name in ("Attacks", "Studies", "Gallery"):
        review.bring(name)
    window = review.docks[0].window()
    window.show()
    until(lambda: len(review.docks) == 6)
    assert review.docks[-1].width() == 320, "the window is as small as it can be"
    bars = [bar for bar in window.findChildren(QTabBar) if bar.count() == 6]
    until(lambda: bars and bars[0].sizeHint().width() <= bars[0].width())
    for page in list(review.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not review.docks)
    assert not any(bar.styleSheet() for bar in bars if isalive(bar))


def test_the_slider_says_slice_once_the_axes_have_their_names(seen: Session) -> None:
    viewer: Any = seen.panels.viewer
    dims = viewer.window._qt_viewer.dims
    label = next(one.axis_label for one in dims.slider_widgets if one.isVisible())
    assert QLineEdit.displayText(label) == "slice"
    named = viewer.dims.axis_labels
    viewer.dims.axis_labels = ("-3", "-2", "-1")  # as napari calls those of a scan until its images are in
    dims._resize_axis_labels()  # as napari does where the slider gets its width
    viewer.dims.axis_labels = named
    assert QLineEdit.displayText(label) == "slice"


def test_napari_s_docks_give_a_narrow_canvas_their_room_until_the_user_opens_one(viewer: Any, until: Until) -> None:
    main, window = viewer.window._qt_window, viewer.window._qt_viewer
    docks = window.dockLayerControls, window.dockLayerList
    main.resize(1024, 700)
    main.show()
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) == 3)
    until(lambda: not any(dock.isVisible() for dock in docks))
    until(lambda: window.canvas.native.width() > 480)
    for page in list(session.docks):
        viewer.window.remove_dock_widget(page)
    until(lambda: not session.docks)
    assert all(dock.isVisible() for dock in docks), "they come back with the end of the review"
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: not any(dock.isVisible() for dock in docks))
    docks[1].setVisible(True)  # as napari's menu does
    until(lambda: window.canvas.native.width() < 480 and not session.surroundings._resized.isActive())
    assert [dock.isVisible() for dock in docks] == [False, True]
    assert recall("opened napari's docks", False), "in later sessions too"


def test_napari_s_docks_stay_where_they_list_layers_of_the_user(viewer: Any, until: Until) -> None:
    main, window = viewer.window._qt_window, viewer.window._qt_viewer
    viewer.add_image(np.zeros((8, 8)))
    main.resize(1024, 700)
    main.show()
    session = Session.of(viewer)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: window.canvas.native.width() < 480 and len(session.docks) == 3)
    until(lambda: not session.surroundings._resized.isActive())
    assert window.dockLayerList.isVisible(), "it lists a layer of the user's"
