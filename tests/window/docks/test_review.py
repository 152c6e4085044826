"""The review layout by real keys and drags: what is on the canvas, and that everything is given back."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QAction, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QDockWidget, QPushButton, QStyle, QStyleOptionComboBox

from helpers.docks import dock_of
from helpers.galleries import copied
from napari_recon_robust.canvas.comparing import Picture
from napari_recon_robust.window.docks.page import WIDTH
from napari_recon_robust.window.docks.review import Review
from napari_recon_robust.window.keys import Shortcuts
from napari_recon_robust.window.session import PLUGIN, Session

Until = Callable[[Callable[[], object]], None]


class Desk:
    """A review with its window, its keyboard and its mouse; clean is dark and perturbed bright."""

    def __init__(self, review: Session, qtbot: Any, until: Until) -> None:
        self.session, self.qtbot, self.until = review, qtbot, until
        self.viewer, self.panels = review.panels.viewer, review.panels
        self.window.resize(1280, 720)
        self.window.show()
        self.window.activateWindow()
        until(self.window.isActiveWindow)  # no key reaches a window before
        self.layouts = Review.of(review)

    @property
    def window(self) -> Any:
        return self.viewer.window._qt_window

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas.native

    def press(self, key: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.canvas.setFocus()
        self.qtbot.keyClick(self.canvas, getattr(Qt.Key, f"Key_{key}"), modifier)
        self.settle()

    def settle(self) -> None:
        self.until(lambda: self.panels.settled)
        self.qtbot.wait(80)

    def drag(self, start: QPoint, end: QPoint, button: Qt.MouseButton, busy: float = 0.0) -> None:
        """Press, move and release. busy: seconds after each move in which the window has no time."""
        steps = [start + (end - start) * share / 4 for share in range(1, 5)]
        kinds = QMouseEvent.Type
        for kind, at in [
            (kinds.MouseButtonPress, start),
            *((kinds.MouseMove, one) for one in steps),
            (kinds.MouseButtonRelease, end),
        ]:
            place, held = QPointF(at), Qt.MouseButton.NoButton if kind == kinds.MouseButtonRelease else button
            pressed = Qt.MouseButton.NoButton if kind == kinds.MouseMove else button
            none = Qt.KeyboardModifier.NoModifier
            where = QPointF(self.canvas.mapToGlobal(at))
            QApplication.sendEvent(self.canvas, QMouseEvent(kind, place, where, pressed, held, none))
            time.sleep(busy)
            QApplication.processEvents()

    def put(self, key: str, grey: float) -> None:
        """Let a panel have an image of one grey value, a fraction of white."""
        _, rows, columns = self.session.bench.acquisition.shape
        image = np.full((rows, columns), grey * self.panels.shared_window.limits[1], np.float32)
        index = self.session.bench.acquisition.index
        self.session.scene.comparing.put(key, Picture(index, image, key.capitalize()))

    def greys(self) -> np.ndarray:
        """Grey values, (height, width), of the canvas."""
        picture: np.ndarray = self.viewer.window.screenshot(canvas_only=True, flash=False)
        return picture[..., :3].mean(-1)

    def across(self) -> np.ndarray:
        """Grey values along a row through the middle of the only panel, where its image is."""
        self.settle()
        picture = self.greys()
        row = picture[int(0.6 * len(picture))]
        return row[np.flatnonzero(row > 20)]


@pytest.fixture
def desk(review: Session, qtbot: Any, until: Until) -> Desk:
    return Desk(review, qtbot, until)


def docks(desk: Desk) -> set[str]:
    return {dock.windowTitle() for dock in desk.window.findChildren(QDockWidget) if not dock.isHidden()}


@pytest.mark.thorough
def test_one_key_gives_the_window_to_the_images_and_back(desk: Desk) -> None:
    before, width = docks(desk), desk.viewer.canvas.size[1]
    desk.press("Q")
    assert desk.layouts.active
    assert docks(desk) == {"Review"}
    size = desk.window.size()
    desk.until(lambda: math.prod(desk.viewer.canvas.size) >= 0.8 * size.width() * size.height())
    canvas = desk.viewer.canvas.size
    bar = desk.layouts.bar
    assert bar is not None
    assert all(one.width() >= one.minimumSizeHint().width() for one in bar.panels.values())
    desk.qtbot.mouseClick(bar.arrow, Qt.MouseButton.LeftButton)
    desk.until(lambda: desk.viewer.canvas.size[1] > canvas[1] + 60)
    desk.session.jobs.failed.emit("Something went wrong.")
    assert bar.foot.isVisible(), "what went wrong is said in it"
    desk.press("Q")
    assert not desk.layouts.active
    assert docks(desk) == before
    desk.until(lambda: abs(desk.viewer.canvas.size[1] - width) < 8)
    for dock in list(desk.session.docks):
        desk.viewer.window.remove_dock_widget(dock)
    assert desk.layouts.bar is None


@pytest.mark.thorough
def test_a_window_does_not_grow_for_docks_that_close_again_for_want_of_room(desk: Desk) -> None:
    desk.press("Q")
    desk.window.resize(800, 535)
    desk.settle()
    desk.press("Q")
    desk.until(lambda: not desk.session.surroundings._resized.isActive())
    assert desk.window.width() == 800
    assert docks(desk) == {"Reconstruct", "Perturb", "Compare"}
    desk.press("Q")
    desk.press("Q")
    assert docks(desk) == {"Reconstruct", "Perturb", "Compare"}


@pytest.mark.parametrize("docks_before", [1, 2, 3])
def test_the_key_is_followed_though_docks_are_still_opening(viewer: Any, until: Until, docks_before: int) -> None:
    session, opened = Session.of(viewer), []
    session.complete.connect(lambda: opened.append(True))
    window = session.panels.viewer.window._qt_window  # type: ignore[attr-defined]
    window.show()
    window.activateWindow()
    until(window.isActiveWindow)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    until(lambda: len(session.docks) >= docks_before and Shortcuts.of(session)._shortcuts)
    QTest.keyClick(window, Qt.Key.Key_Q)
    until(lambda: opened)
    assert Review.of(session).active
    assert [dock.windowTitle() for dock in window.findChildren(QDockWidget) if dock.isVisible()] == ["Review"]


@pytest.mark.thorough
def test_a_dock_that_is_asked_for_stands_between_the_images_and_the_bar(desk: Desk, tmp_path: Path) -> None:
    desk.press("Q")
    folder = copied(tmp_path / "cases", "spike")
    desk.session.open(folder)
    desk.until(lambda: docks(desk) == {"Gallery", "Review"})
    gallery = next(one for one in desk.session.docks if one.title == "Gallery")
    desk.until(lambda: gallery.width() >= gallery.minimumWidth() and not gallery.visibleRegion().isEmpty())
    bar = desk.layouts.bar
    assert bar is not None
    right = gallery.mapTo(desk.window, gallery.rect().topRight()).x()
    desk.until(lambda: bar.mapTo(desk.window, QPoint()).x() >= right)
    menu = next(one for one in desk.window.findChildren(QAction) if one.text() == "Compare" and one.isVisible())
    menu.trigger()
    compare = next(one for one in desk.session.docks if one.title == "Compare")
    desk.until(lambda: not compare.visibleRegion().isEmpty())
    desk.press("Q")
    assert {"Reconstruct", "Perturb", "Compare", "Gallery"} <= docks(desk)
    desk.press("Q")
    assert docks(desk) == {"Review"}


@pytest.mark.thorough
def test_a_dock_beside_the_images_does_not_grow_with_each_round(desk: Desk, tmp_path: Path) -> None:
    desk.window.resize(1280, 720)
    folder = copied(tmp_path / "cases", "spike")
    for _ in range(3):
        desk.press("Q")
        desk.session.open(folder)
        desk.until(lambda: docks(desk) == {"Gallery", "Review"})
        gallery = next(one for one in desk.session.docks if one.title == "Gallery")
        desk.until(lambda one=gallery: one.width() >= one.minimumWidth() and not one.visibleRegion().isEmpty())
        desk.settle()
        assert gallery.width() < WIDTH + 20
        desk.press("Q")
        desk.settle()
        assert all(one.width() < WIDTH + 20 for one in desk.session.docks if not one.visibleRegion().isEmpty())


def test_a_folder_that_is_opened_is_seen_though_the_images_come_first(
    viewer: Any, tmp_path: Path, until: Until
) -> None:
    session = Session.of(viewer)
    session.images_first = True
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    window = session.panels.viewer.window._qt_window  # type: ignore[attr-defined]
    window.resize(1280, 720)
    window.show()
    session.open(copied(tmp_path / "cases", "spike"))
    until(lambda: len(session.docks) == 4 and Review.of(session).active)
    gallery = dock_of(session, "Gallery")
    until(lambda: not gallery.visibleRegion().isEmpty() and gallery.width() >= gallery.minimumWidth())


@pytest.mark.thorough
def test_the_words_in_the_bar_are_not_cut_off(desk: Desk) -> None:
    desk.press("Q")
    bar = desk.layouts.bar
    assert bar is not None
    for name in ("pair", "rate", "window_preset"):
        combo = getattr(bar, name)
        room = combo.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, _option(combo), QStyle.SubControl.SC_ComboBoxEditField, combo
        )
        longest = max(combo.fontMetrics().horizontalAdvance(combo.itemText(at)) for at in range(combo.count()))
        assert longest <= room.width(), name
    for one in bar.body_widget.findChildren(QPushButton):
        assert one.fontMetrics().horizontalAdvance(one.text()) <= one.width(), one.text()


def _option(combo: QComboBox) -> QStyleOptionComboBox:
    option = QStyleOptionComboBox()
    combo.initStyleOption(option)
    return option


@pytest.mark.thorough
def test_the_words_of_a_job_have_all_their_lines_at_the_foot_of_the_bar(desk: Desk) -> None:
    desk.press("Q")
    bar = desk.layouts.bar
    assert bar is not None
    message = bar.foot.message
    desk.session.jobs.started.emit("Reconstructing with Total variation")
    desk.until(lambda: message.height() >= message.heightForWidth(message.width()) > 2 * message.fontMetrics().height())
    desk.session.jobs.ended.emit("")


def test_what_is_shown_can_be_kept_before_anything_is_attacked(desk: Desk) -> None:
    desk.press("Q")
    bar = desk.layouts.bar
    assert bar is not None
    assert desk.session.bench.perturbing.current is None
    assert bar.keep.isEnabled()


@pytest.mark.thorough
def test_keys_of_napari_that_break_the_lock_are_held_off_and_given_back(desk: Desk) -> None:
    image, window = desk.panels.panels["reference"].image, desk.panels.shared_window.limits
    desk.viewer.layers.selection.active = image
    desk.press("Q")
    desk.viewer.layers.selection.active = image
    desk.press("C")
    desk.press("Y", Qt.KeyboardModifier.ControlModifier)
    assert desk.panels.shared_window.limits == window
    assert image.visible
    assert desk.viewer.dims.ndisplay == 2
    desk.press("2")
    assert image.mode == "pan_zoom"
    assert desk.panels.shown == ("reference", "clean")
    desk.press("5")
    assert desk.panels.shown == ("reference",)
    desk.press("Q")
    desk.viewer.layers.selection.active = image
    desk.press("C")
    assert desk.panels.shared_window.limits != window, "napari's key works again"


def test_the_wipe_follows_the_mouse_between_the_two_images(desk: Desk) -> None:
    desk.put("reference", 0.3)
    desk.put("clean", 0.9)
    desk.press("Q")
    desk.press("U")
    desk.press("1")
    assert desk.panels.shown == ("clean",)
    assert np.ptp(desk.across()) < 3
    desk.press("W")
    seen = desk.across()
    half = len(seen) // 2
    assert np.median(seen[: half - 8]) == pytest.approx(0.3 * 255, abs=4)
    assert np.median(seen[half + 8 :]) == pytest.approx(0.9 * 255, abs=4)
    assert desk.panels.panels["clean"].title == "Reference | Clean"
    centre = desk.canvas.rect().center()
    zoom = desk.viewer.scene.camera.center
    desk.drag(centre, centre + QPoint(150, 0), Qt.MouseButton.LeftButton)
    moved = desk.across()
    dark = int((np.abs(moved - 0.3 * 255) < 20).sum())
    assert dark == pytest.approx(half + 150, abs=12)
    assert desk.viewer.scene.camera.center == zoom, "the picture stays where it is"
    desk.press("W")
    assert np.ptp(desk.across()) < 3


@pytest.mark.thorough
def test_flicker_swaps_the_images_without_a_blank_frame(desk: Desk) -> None:
    desk.put("reference", 0.3)
    desk.put("clean", 0.9)
    desk.session.looking.set_rate(4)
    desk.press("Q")
    desk.press("U")
    desk.press("1")
    desk.canvas.setFocus()
    desk.qtbot.keyPress(desk.canvas, Qt.Key.Key_G)
    near = set[float]()
    for turn in range(60):  # at moments that are not in step with the flicker
        near.add(round(float(np.median(desk.across())) / 255, 1))
        if len(near) > 1 and turn > 6:
            break
        desk.qtbot.wait(13 * turn % 60)
    desk.qtbot.keyRelease(desk.canvas, Qt.Key.Key_G)
    assert near == {0.3, 0.9}, "both, and nothing else"
    assert np.median(desk.across()) == pytest.approx(0.9 * 255, abs=4)


def test_window_and_region_view_by_keys_and_drag(desk: Desk) -> None:
    desk.press("Q")
    start, camera = desk.panels.shared_window.limits, desk.viewer.scene.camera
    left = desk.canvas.rect().center() - QPoint(200, 0)
    desk.drag(left, left + QPoint(60, 0), Qt.MouseButton.RightButton)
    assert desk.panels.shared_window.limits[1] > start[1]
    assert {tuple(desk.panels.panels[key].image.contrast_limits) for key in ("reference", "clean")} == {
        desk.panels.shared_window.limits
    }
    bar = desk.layouts.bar
    assert bar is not None
    reference = desk.session.bench.acquisition.current.target

    def typed() -> list[float]:
        return [float(edit.text()) / 100 * float(reference.max()) for edit in (bar.black, bar.white)]

    assert typed() == pytest.approx(desk.panels.shared_window.limits, rel=0.01)
    zoom, wide = camera.zoom, desk.panels.shared_window.limits
    desk.drag(left, left - QPoint(0, 80), Qt.MouseButton.RightButton, busy=0.02)
    desk.qtbot.wait(60)
    assert desk.panels.shared_window.limits[1] < wide[1]
    assert camera.zoom == zoom, "napari is told late of a move, after its camera has zoomed"
    assert typed() == pytest.approx(desk.panels.shared_window.limits, rel=0.01, abs=1e-3 * float(reference.max()))
    desk.press("0")
    assert desk.panels.shared_window.limits == pytest.approx(start, rel=1e-3)
    desk.press("6")
    assert desk.panels.shared_window.limits == pytest.approx((0.0, float(reference.max())))
    bar.black.setText("20")
    bar.white.setText("70")
    desk.qtbot.keyClick(bar.white, Qt.Key.Key_Return)
    assert desk.panels.shared_window.limits == pytest.approx(
        (0.2 * float(reference.max()), 0.7 * float(reference.max()))
    )
    bar.black.setFocus()
    bar.black.setText("30")
    bar.white.setFocus()
    assert bar.black.text() == "30", "both may be typed before they are taken"
    desk.canvas.setFocus()
    assert (bar.black.text(), bar.white.text()) == ("20", "70"), "what was not taken does not hold"
    zoom = camera.zoom
    desk.session.bench.regions.choose(desk.session.bench.regions.on(desk.session.bench.acquisition.index)[:1])
    desk.press("N")
    assert camera.zoom > 1.5 * zoom
    desk.press("A")
    desk.press("N")
    assert camera.zoom == pytest.approx(zoom)


@pytest.mark.thorough
def test_presets_are_stored_and_the_layout_is_remembered(desk: Desk) -> None:
    from napari_recon_robust.window.remembered import recall

    desk.press("Q")
    desk.press("5")
    desk.press("2", Qt.KeyboardModifier.ControlModifier)
    desk.press("4")
    assert desk.panels.shown == ("reference", "clean")
    desk.press("2")
    assert desk.panels.shown == ("reference",)
    assert recall("images_first", False) is True
    assert recall("preset/2", []) == ["reference"]


@pytest.mark.thorough
def test_one_key_goes_through_the_parts_of_the_images(desk: Desk) -> None:
    window, panels = desk.panels.shared_window.limits, desk.panels.panels
    desk.press("Q")
    desk.press("Z")
    assert {panels[key].title.split(",")[0] for key in ("reference", "clean")} == {
        "Reference · phase",
        "CG-SENSE · phase",
    }
    assert panels["clean"].stack[desk.panels.navigation.slice].max() <= 2 * np.pi
    picture = desk.viewer.window.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    assert (np.ptp(picture, axis=-1) > 40).mean() > 0.01, "phases have colours"
    centre = desk.canvas.rect().center()
    desk.drag(centre, centre + QPoint(60, 0), Qt.MouseButton.RightButton)
    assert desk.panels.shared_window.limits == window
    desk.press("Z")
    assert panels["clean"].title.split("\n")[0] == "CG-SENSE · real part"
    bar = desk.layouts.bar
    assert bar is not None
    assert bar.part.currentData() == "real"
    desk.session.following.set_up()  # as when the docks come back
    desk.session.scene.redraw()
    desk.settle()
    panels = desk.panels.panels
    assert panels["clean"].title.split("\n")[0] == "CG-SENSE · real part"
    assert tuple(panels["clean"].image.contrast_limits) == (
        -desk.panels.shared_window.limits[1],
        desk.panels.shared_window.limits[1],
    )
    for _ in range(2):
        desk.press("Z")
    assert panels["clean"].title.startswith("CG-SENSE · SSIM")
    assert desk.panels.shared_window.limits == pytest.approx(window, rel=0.01)


@pytest.mark.thorough
def test_lens_and_fade_by_key_mouse_and_slider(desk: Desk) -> None:
    desk.put("reference", 0.3)
    desk.put("clean", 0.9)
    for key in ("Q", "U", "1"):
        desk.press(key)
    desk.press("W", Qt.KeyboardModifier.ShiftModifier)
    bar, centre = desk.layouts.bar, desk.canvas.rect().center()
    assert bar is not None
    assert bar.lens.isChecked()
    desk.drag(centre + QPoint(-40, 0), centre, Qt.MouseButton.NoButton)
    desk.settle()
    greys = desk.greys()
    assert greys[centre.y(), centre.x()] == pytest.approx(0.3 * 255, abs=4)
    assert 5 < (np.abs(greys[centre.y()] - 0.3 * 255) < 10).sum() < 0.4 * greys.shape[1]
    assert desk.panels.panels["clean"].title == "Clean (lens: Reference)"
    desk.press("F")
    assert (bar.lens.isChecked(), bar.fade.isChecked()) == (False, True)
    assert np.median(desk.across()) == pytest.approx(0.6 * 255, abs=4)
    bar.share.setValue(25)
    assert np.median(desk.across()) == pytest.approx(0.45 * 255, abs=4)
    camera = desk.viewer.scene.camera.center
    desk.drag(centre, centre + QPoint(600, 0), Qt.MouseButton.LeftButton)
    assert desk.panels.panels["clean"].title == "Reference 0% + Clean 100%"
    desk.until(lambda: bar.share.value() == 100)
    assert desk.viewer.scene.camera.center == camera
    desk.press("F")
    assert not bar.share.isVisible()
    assert desk.panels.panels["clean"].title == "Clean"


@pytest.mark.thorough
def test_the_bar_says_how_to_begin_while_nothing_is_open(viewer: Any, until: Until, scan_file: Path) -> None:
    session = Session.of(viewer)
    session.images_first = True
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    layouts = Review.of(session)
    until(lambda: layouts.active)
    bar = layouts.bar
    assert bar is not None
    assert all(not one.isHidden() for one in (bar.open, bar.sample, bar.hint, bar.leave))
    assert ".mrd" in bar.hint.text()
    assert not bar.kspace.isVisibleTo(bar), "it has nothing to act on"
    session.open(scan_file)
    until(lambda: session.bench.acquisition.is_open)
    assert bar.kspace.isVisibleTo(bar)
    assert all(one.isHidden() for one in (bar.open, bar.sample, bar.hint))
    until(lambda: not session.jobs.working)
    session.bench.acquisition.close()
    assert not bar.sample.isHidden()
