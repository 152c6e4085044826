"""What a user may do next, drawn by a seed and the number of the event."""

from collections.abc import Callable
from random import Random
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QScrollBar,
    QSlider,
    QTabBar,
    QWidget,
)

from napari_recon_robust.controls.pad import Pad
from napari_recon_robust.window import keys
from napari_recon_robust.window.docks.page import Foot, Page

from . import hands
from .desk import DOCKS, Desk

# napari's own keys, of which those that would undo a review are held off while images come first.
NAPARI = ("C", "2", "Delete", "Ctrl+G", "Ctrl+E", "Ctrl+T", "Alt+Up", "Alt+Down", "Home", "Z", "Space", "Left", "Right")
TEXTS = ("", "0", "-1", "1", "3", "0.01", "12", "1e9", "abc", "10, 20", "ssim<0.8", "tag:a", "slice, coil")
CONTROLS = (QAbstractButton, QComboBox, QSlider, QAbstractSpinBox, QLineEdit, QAbstractItemView, Pad)


class Events:
    """Does one thing at random at a time at a desk. An action returns what was done, empty if it was not possible."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.chance = desk, Random()
        self._weights: dict[Callable[[], str], int] = {
            self.control: 50,
            self.key: 16,
            self.canvas: 14,
            self.wait: 12,
            self.bring: 8,
            self.slice: 6,
            self.tab: 6,
            self.layers: 4,
            self.cancel: 4,
            self.menu: 4,
            self.dock_button: 3,
            self.other_key: 3,
            self.resize: 1,
            self.theme: 1,
            self.viewer: 1,
        }

    def take(self, seed: int, number: int) -> str:
        """Do the event of this number and say what it was; it depends on no event before but by what is shown."""
        self.chance = Random(f"{seed}/{number}")
        self.desk.dialogs.chance = self.chance
        if number == 0:  # an empty window has little to do
            return f"{number} {self.bring.__name__}: {self.bring()}"
        action, done = self.wait, ""
        while not done:
            action = self.chance.choices([*self._weights], [*self._weights.values()])[0]
            done = action()
        return f"{number} {action.__name__}: {done}"

    def _one(self, things: list[Any]) -> Any:
        return things[int(self.chance.random() * len(things))] if things else None

    # ---------------------------------------------------------------- controls of the docks

    def _controls(self) -> list[QWidget]:
        """What can be used now on the pages that are seen, in an order that does not depend on chance."""
        found = []
        for page in self.desk.pages:
            for one in page.findChildren(QWidget):
                usable = isinstance(one, CONTROLS) and not isinstance(one, (QScrollBar, QHeaderView))
                inner = isinstance(one.parent(), (QAbstractSpinBox, QComboBox)) or one.window() is not page.window()
                if usable and not inner and one.isVisibleTo(page) and one.isEnabled():
                    found.append(one)
        return found

    def control(self) -> str:
        """Use one control, whatever it is."""
        chosen = self._one(self._controls())
        if chosen is None:
            return ""
        name = self._named(chosen)
        page = next((one for one in self.desk.pages if one.isAncestorOf(chosen)), None)
        if page is not None and page.body_widget.isAncestorOf(chosen):
            page.scroll.ensureWidgetVisible(chosen)
        return f"{name} {self._use(chosen)}"

    def _use(self, chosen: QWidget) -> str:
        fraction = self.chance.random()
        if isinstance(chosen, QAbstractButton):
            hands.click(chosen, QPoint(8, chosen.height() // 2))
            return "clicked"
        if isinstance(chosen, QComboBox):
            return self._turn_list(chosen, fraction)
        if isinstance(chosen, QSlider):
            return self._turn_slider(chosen, fraction)
        if isinstance(chosen, (QAbstractSpinBox, QLineEdit)):
            text = self._one([*TEXTS])
            hands.type_text(chosen, text, self._one([Qt.Key.Key_Return, Qt.Key.Key_Tab]))
            return f"typed {text!r}"
        if isinstance(chosen, QAbstractItemView):
            return self._use_list(chosen, fraction)
        there = [QPoint(int(self.chance.random() * chosen.width()), chosen.height() // 2) for _ in range(2)]
        hands.drag(chosen, there)
        return "dragged"

    def _turn_list(self, combo: QComboBox, fraction: float) -> str:
        way = self._one(["click", "key", "wheel"])
        if way == "click":
            hands.choose(combo, fraction)
        elif way == "key":
            hands.press(combo, self._one(["Up", "Down", "Home", "End"]))
        else:
            hands.wheel(combo, combo.rect().center(), self._one([-1, 1]))
        return f"{way}: {combo.currentText() if isalive(combo) else ''}"

    def _turn_slider(self, slider: QSlider, fraction: float) -> str:
        way = self._one(["drag", "drag", "key", "wheel"])
        if way == "drag":
            hands.slide(slider, fraction)
        elif way == "key":
            hands.press(slider, self._one(["Left", "Right", "PgUp", "Home"]))
        else:
            hands.wheel(slider, slider.rect().center(), self._one([-2, 2]))
        return f"{way}: {slider.value() if isalive(slider) else ''}"

    def _use_list(self, view: QAbstractItemView, fraction: float) -> str:
        model = view.model()
        if not model.rowCount():
            return "is empty"
        row = int(fraction * model.rowCount())
        index = model.index(row, 0)
        view.scrollTo(index)
        where = view.visualRect(index)
        at = QPoint(where.left() + 8, where.center().y()) if self.chance.random() < 0.5 else where.center()
        ctrl = Qt.KeyboardModifier.ControlModifier if self.chance.random() < 0.3 else hands.PLAIN
        hands.click(view.viewport(), at, ctrl)
        if self.chance.random() < 0.3 and isalive(view):
            key = self._one(["Return", "Space", "Delete", "C", "A", "R", "Down", "1"])
            hands.press(view, key)
            return f"row {row}, {key}"
        return f"row {row}"

    @staticmethod
    def _named(chosen: QWidget) -> str:
        words = chosen.accessibleName() or getattr(chosen, "text", str)() or chosen.toolTip().partition("\n")[0]
        return f"{type(chosen).__name__} {words!r}"

    # ---------------------------------------------------------------- picture and keys

    def key(self) -> str:
        """Press one of the review's keys."""
        chosen = self._one([*keys.KEYS])
        hands.press(self.desk.canvas, chosen.key)
        return f"{chosen.key} ({chosen.command})"

    def other_key(self) -> str:
        """Press one of napari's keys."""
        chosen = self._one([*NAPARI])
        hands.press(self.desk.canvas, chosen)
        return str(chosen)

    def canvas(self) -> str:
        """Click, drag, turn the wheel over the picture, or move the mouse across."""
        canvas, way = self.desk.canvas, self._one(["click", "drag", "drag", "window", "wheel", "move", "double"])
        spots = [
            QPoint(int(self.chance.random() * canvas.width()), int(self.chance.random() * canvas.height()))
            for _ in range(3)
        ]
        if way == "wheel":
            hands.wheel(canvas, spots[0], self._one([-1, 1]))
        elif way == "move":
            hands.move(canvas, spots[0])
        elif way == "double":
            hands.click(canvas, spots[0])
            hands.click(canvas, spots[0])
        elif way == "click":
            hands.click(canvas, spots[0])
        else:
            hands.drag(canvas, spots, hands.RIGHT if way == "window" else hands.LEFT)
        return str(way)

    def slice(self) -> str:
        """Turn napari's slider of the slices."""
        sliders = [one for one in self.desk.slice_sliders if one.isVisible()]
        chosen = self._one(sliders)
        if chosen is None:
            return ""
        hands.press(chosen, self._one(["Left", "Right", "Home", "End"]))
        return str(self.desk.viewer.dims.current_step)

    # ---------------------------------------------------------------- files, jobs, docks

    def bring(self) -> str:
        """Drop a file on a page, or on the picture."""
        path = self.desk.material.some(self.chance)
        on_picture = [self.desk.viewer_widget] if path.exists() else []  # where napari raises FileNotFoundError
        target = self._one([*self.desk.pages, *on_picture])
        hands.drop(target, path)
        return f"{path.name} on {type(target).__name__}"

    def wait(self) -> str:
        """Wait until nothing is computed."""
        return self.desk.rest()

    def cancel(self) -> str:
        """Cancel at the foot of a page."""
        for page in self.desk.pages:
            cancel = page.findChild(Foot).cancel
            if cancel.isVisible():
                hands.click(cancel)
                return "at the foot"
        return ""

    def menu(self) -> str:
        """Open a dock by napari's menu: a closed one comes back."""
        chosen = self._one([*DOCKS])
        found = hands.choose_menu(self.desk.window.menuBar(), ("Plugins", "napari-recon-robust", chosen))
        return str(chosen) if found else ""

    def tab(self) -> str:
        """Bring another dock to the front."""
        bars = [one for one in self.desk.window.findChildren(QTabBar) if one.isVisible() and one.count() > 1]
        bar = self._one(bars)
        if bar is None:
            return ""
        at = int(self.chance.random() * bar.count())
        hands.click(bar, bar.tabRect(at).center())
        return str(bar.tabText(at))

    def dock_button(self) -> str:
        """Close, hide or float a dock of ours."""
        pages = [one for one in self.desk.pages if isinstance(one.parent(), QDockWidget)]
        page: Page | None = self._one(pages)
        if page is None:
            return ""
        name = self._one(
            ["QTitleBarCloseButton", "QTitleBarCloseButton", "QTitleBarHideButton", "QTitleBarFloatButton"]
        )
        found = page.parent().findChild(QPushButton, name)
        if found is None:
            return ""
        hands.click(found)
        return f"{name} of {page.title}"

    # ---------------------------------------------------------------- napari itself

    def layers(self) -> str:
        """Choose layers in napari's list, and sometimes delete or hide them."""
        view = self.desk.layer_list
        if not view.isVisible() or not view.model().rowCount():
            return ""
        row = int(self.chance.random() * view.model().rowCount())
        index = view.model().index(row, 0)
        where = view.visualRect(index)
        way = self._one(["choose", "choose", "hide", "delete"])
        hands.click(view.viewport(), QPoint(where.left() + 12, where.center().y()) if way == "hide" else where.center())
        if way == "delete":
            hands.click(self.desk.delete_button)
        return f"{way} {row}"

    def resize(self) -> str:
        """Give the window another size."""
        size = self._one([(900, 640), (1024, 700), (1150, 760)])
        self.desk.window.resize(*size)
        return str(size)

    def theme(self) -> str:
        """Change napari's theme."""
        self.desk.viewer.theme = self._one(["dark", "light"])
        return str(self.desk.viewer.theme)

    def viewer(self) -> str:
        """Close the window, whatever runs, and open another."""
        self.desk.close()
        self.desk.open()
        return "closed and opened"
