"""Mouse, wheel and keyboard, as Qt receives them from a user."""

import itertools
from collections.abc import Iterable
from pathlib import Path

from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QMenu, QMenuBar, QSlider, QWidget

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN = Qt.KeyboardModifier.NoModifier
_STEPS, _EDGE = 4, 7  # moves of a drag; half the handle of a slider, in pixels


def click(widget: QWidget, at: QPoint | None = None, modifier: Qt.KeyboardModifier = PLAIN) -> None:
    QTest.mouseClick(widget, LEFT, modifier, widget.rect().center() if at is None else at)


def drag(widget: QWidget, path: list[QPoint], button: Qt.MouseButton = LEFT) -> None:
    """Press at the first place, move along straight lines through the others, release at the last."""
    _send(widget, QMouseEvent.Type.MouseButtonPress, path[0], button, button)
    for start, end in itertools.pairwise(path):
        for step in range(1, _STEPS + 1):
            _send(widget, QMouseEvent.Type.MouseMove, start + (end - start) * step / _STEPS, Qt.MouseButton(0), button)
            QApplication.processEvents()
    _send(widget, QMouseEvent.Type.MouseButtonRelease, path[-1], button, Qt.MouseButton(0))


def move(widget: QWidget, at: QPoint) -> None:
    _send(widget, QMouseEvent.Type.MouseMove, at, Qt.MouseButton(0), Qt.MouseButton(0))


def _send(widget: QWidget, kind: QMouseEvent.Type, at: QPoint, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
    event = QMouseEvent(kind, QPointF(at), QPointF(widget.mapToGlobal(at)), button, held, PLAIN)
    QApplication.sendEvent(widget, event)


def wheel(widget: QWidget, at: QPoint, notches: int) -> None:
    turned, none = QPoint(0, 120 * notches), QPoint()
    phase = Qt.ScrollPhase.NoScrollPhase
    place = QPointF(widget.mapToGlobal(at))
    event = QWheelEvent(QPointF(at), place, none, turned, Qt.MouseButton(0), PLAIN, phase, False)
    QApplication.sendEvent(widget, event)


def press(widget: QWidget, keys: str) -> None:
    """Press a combination as it is written in lists of keys, such as Ctrl+1."""
    combination = QKeySequence(keys)[0]
    widget.setFocus()
    QTest.keyClick(widget, combination.key(), combination.keyboardModifiers())


def type_text(widget: QWidget, text: str, end: Qt.Key = Qt.Key.Key_Return) -> None:
    """Type over what stands in a field."""
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(widget, text)
    QTest.keyClick(widget, end)


def slide(slider: QSlider, fraction: float) -> None:
    """Drag the handle of a slider, whichever way it lies."""
    length = slider.width() if slider.orientation() == Qt.Orientation.Horizontal else slider.height()
    share = (slider.value() - slider.minimum()) / max(slider.maximum() - slider.minimum(), 1)
    drag(slider, [_along(slider, _EDGE + one * (length - 2 * _EDGE)) for one in (share, fraction)])


def _along(slider: QSlider, place: float) -> QPoint:
    if slider.orientation() == Qt.Orientation.Horizontal:
        return QPoint(round(place), slider.height() // 2)
    return QPoint(slider.width() // 2, slider.height() - round(place))


def choose(combo: QComboBox, fraction: float) -> None:
    """Open a list and click on one of its entries; a heading cannot be chosen, and Escape closes the list then."""
    click(combo)
    view = combo.view()
    if not view.isVisible():
        return
    index = combo.model().index(int(fraction * combo.count()), combo.modelColumn())
    view.scrollTo(index)
    click(view.viewport(), view.visualRect(index).center())
    if view.isVisible():
        QTest.keyClick(view, Qt.Key.Key_Escape)


def choose_menu(bar: QMenuBar, titles: Iterable[str]) -> bool:
    """Click through menus by the beginnings of their entries; False, with all closed, if there is no such entry."""
    menus: list[QMenuBar | QMenu] = [bar]
    for title in titles:
        menu = menus[-1]
        plain = {action.text().replace("&", ""): action for action in menu.actions() if action.isVisible()}
        action = next((one for text, one in plain.items() if text.startswith(title)), None)
        if action is None or not action.isEnabled():
            break
        place = menu.actionGeometry(action).center()
        click(menu, place)
        QApplication.processEvents()
        if action.menu() is None:
            return True
        menus.append(action.menu())
    for menu in reversed(menus[1:]):
        menu.close()
    return False


def drop(widget: QWidget, path: Path) -> None:
    """Drop a file or a folder. Qt gives what is dropped to the widget that has let it in before."""
    content, copying = QMimeData(), Qt.DropAction.CopyAction
    content.setUrls([QUrl.fromLocalFile(str(path))])
    place = widget.rect().center()
    QApplication.sendEvent(widget, QDragEnterEvent(place, copying, content, LEFT, PLAIN))
    QApplication.sendEvent(widget, QDropEvent(QPointF(place), copying, content, LEFT, PLAIN))
